package io.tidemark.node.cli;

import io.tidemark.node.ltx.LtxExport;
import io.tidemark.node.ltx.LtxInput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes standard .ltx files. */
@Command(
    name = "export",
    description = "Writes the transactions of one database as .ltx files into a directory.",
    footer = {
      "",
      "Examples:",
      "  tidemark ltx export --data-dir /var/lib/tidemark --name app.db --out ltx --compact"
    })
final class LtxExportCommand extends ToolCommand {
  @Mixin private LtxSelection selection;

  @Option(names = "--out", required = true, paramLabel = "DIR", description = "Where to write.")
  private Path directory;

  @Option(names = "--compact", description = "Merge them into one file.")
  private boolean compact;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    List<LtxInput.Source> inputs = selection.inputs();
    if (inputs.size() > 1) {
      throw new Failure(
          Failure.USAGE, "There are several databases. Choose one with --name DB.", null);
    }
    try (LtxInput input = inputs.get(0).open()) {
      List<Path> written = new LtxExport(directory).export(input, selection.range(), compact);
      if (written.isEmpty()) {
        throw new Failure("No transaction lies in that range. 'tidemark ltx ls' lists them.");
      }
      context.out().printf("wrote %d files to %s%n", written.size(), directory);
      return 0;
    } catch (IOException e) {
      throw new Failure(e.getMessage(), e);
    }
  }
}
