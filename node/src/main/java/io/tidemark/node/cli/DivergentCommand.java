package io.tidemark.node.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The group of tools for divergent transactions; does nothing by itself. */
@Command(
    name = "divergent",
    description = "Shows and exports transactions of a node that its primary does not have.",
    synopsisSubcommandLabel = "ls|export")
final class DivergentCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;
}
