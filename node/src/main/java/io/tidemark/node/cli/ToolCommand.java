package io.tidemark.node.cli;

import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine.Option;

/** What every sub-command shares. */
abstract class ToolCommand {
  /**
   * Where a command prints, and what it was given after {@code --}.
   *
   * @param command null when there was no {@code --}
   */
  record Context(PrintStream out, PrintStream err, List<String> command) {}

  @Option(names = "--debug", description = "Show details, with a stack trace for errors.")
  boolean debug;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  /**
   * Does the work.
   *
   * @return the exit code
   * @throws Failure with a message for the user
   */
  abstract int call(Context context) throws Exception;
}
