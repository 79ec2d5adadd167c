package io.tidemark.node.cli;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A planned change of the primary, asked of the primary. */
@Command(
    name = "handoff",
    description = "Makes another node primary. Writers wait meanwhile; nothing is lost.",
    footer = {
      "",
      "To be asked of the primary: --url names it.",
      "",
      "Examples:",
      "  tidemark handoff",
      "  tidemark handoff --to 6f1c2a9be03d4475"
    })
final class HandoffCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(
      names = "--to",
      paramLabel = "NODE",
      description = "Id of a node, as 'tidemark status' shows it; without it the best one.")
  private String node;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    String to = node == null ? "" : "?nodeID=" + URLEncoder.encode(node, StandardCharsets.UTF_8);
    context
        .out()
        .println("The primary is now " + api.client().post("/handoff" + to).get("primary"));
    return 0;
  }
}
