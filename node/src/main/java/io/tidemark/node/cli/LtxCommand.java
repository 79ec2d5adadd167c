package io.tidemark.node.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The group of tools for LTX files; does nothing by itself. */
@Command(
    name = "ltx",
    description = "Lists, shows, checks and exports LTX files, from a data directory or alone.",
    synopsisSubcommandLabel = "ls|dump|verify|export")
final class LtxCommand {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;
}
