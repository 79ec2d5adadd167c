package io.tidemark.node.cli;

import io.tidemark.node.Version;
import io.tidemark.node.log.Logging;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command {@code tidemark}: finds the sub-command, runs it, turns failures into exit codes. */
@Command(
    name = "tidemark",
    description = "A file system that replicates SQLite.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  tidemark mount --fuse-dir /srv/db --data-dir /var/lib/tidemark",
      "  tidemark status --watch",
      "  tidemark help export",
      "",
      "Exit codes: 0 done, 1 failed, 2 usage or configuration."
    })
public final class CommandLineTool {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  private CommandLineTool() {}

  /**
   * Runs the program.
   *
   * @return the exit code: 0 done, 1 failed, 2 usage or configuration; of {@code mount} with a
   *     supervised command that command's
   */
  public static int run(String[] args, PrintStream out, PrintStream err) {
    if (args.length > 0 && args[0].equals("mount")) {
      // The one command whose start time matters does not load the others.
      return new CommandLineTool().run(args, mountOnly(), out, err);
    }
    return new CommandLineTool().run(args, everything(), out, err);
  }

  private static CommandLine mountOnly() {
    return new CommandLine(new CommandLineTool()).addSubcommand(new MountCommand());
  }

  static CommandLine everything() {
    return mountOnly()
        .addSubcommand(new StatusCommand())
        .addSubcommand(new ExportCommand())
        .addSubcommand(new ImportCommand())
        .addSubcommand(new DropCommand())
        .addSubcommand(new RunCommand())
        .addSubcommand(new PromoteCommand())
        .addSubcommand(new HandoffCommand())
        .addSubcommand(ltx())
        .addSubcommand(divergent())
        .addSubcommand(new BenchCommand())
        .addSubcommand(new CompletionCommand())
        .addSubcommand(new VersionCommand())
        .addSubcommand(new CommandLine.HelpCommand());
  }

  private static CommandLine ltx() {
    return new CommandLine(new LtxCommand())
        .addSubcommand(new LtxLsCommand())
        .addSubcommand(new LtxDumpCommand())
        .addSubcommand(new LtxVerifyCommand())
        .addSubcommand(new LtxExportCommand());
  }

  private static CommandLine divergent() {
    return new CommandLine(new DivergentCommand())
        .addSubcommand(new DivergentLsCommand())
        .addSubcommand(new DivergentExportCommand());
  }

  private int run(String[] args, CommandLine line, PrintStream out, PrintStream err) {
    boolean debug = Arrays.asList(args).contains("--debug");
    Arguments arguments = Arguments.of(args, longOptions(line.getCommandSpec(), new HashSet<>()));
    line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    line.setParameterExceptionHandler((e, words) -> usage(e, err));
    line.setExecutionExceptionHandler((e, failed, result) -> failure(e, debug, err));
    line.setExecutionStrategy(result -> execute(result, arguments.command(), out, err));
    return line.execute(arguments.options().toArray(new String[0]));
  }

  private static int execute(
      CommandLine.ParseResult result, List<String> command, PrintStream out, PrintStream err) {
    Integer help = CommandLine.executeHelpRequest(result);
    if (help != null) {
      return help;
    }
    CommandLine.ParseResult last = result;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    CommandSpec spec = last.commandSpec();
    if (!(spec.userObject() instanceof ToolCommand tool)) {
      spec.commandLine().usage(err);
      return Failure.USAGE;
    }
    if (command != null && !(tool instanceof MountCommand || tool instanceof RunCommand)) {
      throw new ParameterException(
          spec.commandLine(), "'" + spec.name() + "' takes no command after --.");
    }
    try {
      return tool.call(new ToolCommand.Context(out, err, command));
    } catch (Exception e) {
      throw new CommandLine.ExecutionException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private static Set<String> longOptions(CommandSpec spec, Set<String> names) {
    spec.options().forEach(option -> names.addAll(Arrays.asList(option.names())));
    spec.subcommands().values().forEach(sub -> longOptions(sub.getCommandSpec(), names));
    names.removeIf(name -> !name.startsWith("--"));
    return names;
  }

  private static int usage(ParameterException e, PrintStream err) {
    CommandLine line = e.getCommandLine();
    err.println(e.getMessage());
    err.println("See '" + line.getCommandSpec().qualifiedName() + " --help'.");
    return Failure.USAGE;
  }

  private static int failure(Exception thrown, boolean debug, PrintStream err) {
    Throwable e = thrown;
    while (e instanceof CommandLine.ExecutionException && e.getCause() != null) {
      e = e.getCause();
    }
    if (debug) {
      e.printStackTrace(err);
    } else {
      err.println(
          e.getMessage() == null || e instanceof RuntimeException ? e.toString() : e.getMessage());
      if (e instanceof RuntimeException) {
        err.println("This is a mistake in Tidemark; --debug shows where.");
      }
    }
    return e instanceof Failure failure ? failure.code() : Failure.FAILED;
  }

  /** Prints the version. */
  @Command(name = "version", description = "Prints the version.")
  static final class VersionCommand extends ToolCommand {
    @Override
    int call(Context context) {
      context.out().println("tidemark " + Version.text());
      return 0;
    }
  }

  /** Sets the log up for a command that prints for people. */
  static void quietLog(boolean debug) {
    Logging.quiet(debug);
  }
}
