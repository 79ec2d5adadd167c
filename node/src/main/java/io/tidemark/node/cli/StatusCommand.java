package io.tidemark.node.cli;

import io.tidemark.node.json.Json;
import java.io.PrintStream;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows a running node. */
@Command(name = "status", description = "Shows role, epoch and every database of a running node.")
final class StatusCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--json", description = "Print the node's answer as JSON.")
  private boolean json;

  @Option(names = "--watch", description = "Show it again every second until Ctrl-C.")
  private boolean watch;

  @Override
  int call(Context context) throws Failure, InterruptedException {
    CommandLineTool.quietLog(debug);
    ApiClient client = api.client();
    do {
      show(client, context.out());
    } while (watch && pause());
    return 0;
  }

  private void show(ApiClient client, PrintStream out) throws Failure {
    Map<String, Object> status = client.getJson("/status");
    if (json) {
      out.println(Json.write(status));
      return;
    }
    if (watch && Progress.isTerminal(1)) {
      out.print("\u001b[H\u001b[2J");
    }
    if (watch) {
      out.println(LocalTime.now().truncatedTo(ChronoUnit.SECONDS));
    }
    out.print(StatusText.of(status));
    out.flush();
  }

  private static boolean pause() throws InterruptedException {
    TimeUnit.SECONDS.sleep(1);
    return true;
  }
}
