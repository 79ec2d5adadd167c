package io.tidemark.node.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A planned change of the primary, asked of the node that is to be it. */
@Command(
    name = "promote",
    description = "Makes this node primary: the one that is hands over. Nothing is lost.",
    footer = {
      "",
      "--force is for a cluster that cannot elect a primary any more, because all its in-sync nodes",
      "or its cluster record are lost. This node's data becomes everybody's: what other nodes have",
      "beyond it is set aside there (tidemark divergent ls). It never overrides a node that has the",
      "lease.",
      "",
      "Examples:",
      "  tidemark promote",
      "  tidemark promote --url http://node2:20202"
    })
final class PromoteCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--force", description = "Also if others may have what this node lacks.")
  private boolean force;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    String path = force ? "/promote?force=true" : "/promote";
    context.out().println("The primary is now " + api.client().post(path).get("primary"));
    return 0;
  }
}
