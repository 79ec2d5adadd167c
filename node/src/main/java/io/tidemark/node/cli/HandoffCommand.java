package io.tidemark.node.cli;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A planned change of the primary, asked of the primary. */
@Command(
    name = "handoff",
    description = "Makes another node primary. Writers wait meanwhile; nothing is lost.")
final class HandoffCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(
      names = "--to",
      paramLabel = "NODE",
      description = "Id of a node, as 'tidemark status' shows it; the best one if not given.")
  private String node;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    ApiClient client = api.client();
    String path = node == null ? "/handoff" : "/handoff?nodeID=" + ApiClient.encoded(node);
    Map<String, Object> answer =
        client.json(
            client.send(
                client.request(path).POST(BodyPublishers.noBody()).build(),
                BodyHandlers.ofString()));
    context.out().println("primary is now " + answer.get("primary"));
    return 0;
  }
}
