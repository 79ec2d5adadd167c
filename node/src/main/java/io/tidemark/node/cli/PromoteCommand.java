package io.tidemark.node.cli;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** A planned change of the primary, asked of the node that is to be it. */
@Command(
    name = "promote",
    description = "Makes this node primary: the one that is hands over. Nothing is lost.")
final class PromoteCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    ApiClient client = api.client();
    Map<String, Object> answer =
        client.json(
            client.send(
                client.request("/promote").POST(BodyPublishers.noBody()).build(),
                BodyHandlers.ofString()));
    context.out().println("primary is now " + answer.get("primary"));
    return 0;
  }
}
