package io.tidemark.node.cli;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Deletes a database of a running node. */
@Command(
    name = "drop",
    description = "Deletes a database, as one transaction.",
    footer = {"", "Examples:", "  tidemark drop --name app.db"})
final class DropCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--name", required = true, paramLabel = "DB", description = "The database.")
  private String name;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    ApiClient client = api.client();
    client.json(
        client.send(
            client.request(ApiClient.withName("/drop", name)).POST(BodyPublishers.noBody()).build(),
            BodyHandlers.ofString()));
    context.out().println("dropped " + name);
    return 0;
  }
}
