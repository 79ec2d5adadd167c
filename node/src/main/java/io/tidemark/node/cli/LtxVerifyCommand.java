package io.tidemark.node.cli;

import io.tidemark.node.ltx.LtxInput;
import io.tidemark.node.ltx.LtxVerifier;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Checks histories. */
@Command(
    name = "verify",
    description = "Decodes everything and checks the chain of transactions and all checksums.",
    footer = {"", "Examples:", "  tidemark ltx verify --data-dir /var/lib/tidemark"})
final class LtxVerifyCommand extends ToolCommand {
  @Mixin private LtxSelection selection;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    for (LtxInput.Source source : selection.inputs()) {
      try (LtxInput input = source.open()) {
        LtxVerifier.Result result = LtxVerifier.verify(input);
        context
            .out()
            .printf(
                "%s: ok, %d transactions or files, %s to %s, rolling checksum %s%s%n",
                input.title(),
                result.files(),
                result.first(),
                result.last(),
                result.post(),
                result.recomputed() == result.files()
                    ? ""
                    : "; recomputed for "
                        + result.recomputed()
                        + ", the others change pages older than this history");
      } catch (IOException e) {
        throw new Failure("Damaged: " + e.getMessage(), e);
      }
    }
    return 0;
  }
}
