package io.tidemark.node.cli;

import io.tidemark.node.json.Json;
import java.io.PrintStream;
import java.time.Instant;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows a running node. */
@Command(
    name = "status",
    description = "Shows role, epoch and every database of a running node.",
    footer = {
      "",
      "Examples:",
      "  tidemark status --watch",
      "  tidemark status --url http://node2:20202 --json"
    })
final class StatusCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(names = "--json", description = "Print the node's answer as JSON.")
  private boolean json;

  @Option(names = "--watch", description = "Show it again every second until Ctrl-C.")
  private boolean watch;

  private String failure;

  @Override
  int call(Context context) throws Failure, InterruptedException {
    CommandLineTool.quietLog(debug);
    ApiClient client = api.client();
    boolean terminal = context.out() == System.out && Progress.isTerminal(1);
    if (!watch) {
      context.out().print(json ? Json.write(ask(client)) + "\n" : text(ask(client), terminal));
      return 0;
    }
    Map<String, Object> status = ask(client); // a node that never answers is no reason to wait
    while (true) {
      show(status == null ? null : text(status, terminal), status, context.out(), terminal);
      TimeUnit.SECONDS.sleep(1);
      status = askAgain(client);
    }
  }

  private static Map<String, Object> ask(ApiClient client) throws Failure {
    return client.getJson("/status");
  }

  /** Null, with the reason kept, when there is no answer now: the node may be starting again. */
  private Map<String, Object> askAgain(ApiClient client) {
    try {
      return ask(client);
    } catch (Failure e) {
      failure = e.getMessage();
      return null;
    }
  }

  private static String text(Map<String, Object> status, boolean terminal) {
    boolean colours = terminal && System.getenv("NO_COLOR") == null;
    return StatusText.of(status, Instant.now(), colours);
  }

  private void show(String text, Map<String, Object> status, PrintStream out, boolean terminal) {
    if (json) {
      out.println(status != null ? Json.write(status) : Json.write(Json.object("error", failure)));
    } else {
      String time = LocalTime.now().truncatedTo(ChronoUnit.SECONDS) + "\n";
      String all = time + (text != null ? text : failure + "\n");
      out.print(terminal ? onTerminal(all) : all);
    }
    out.flush();
  }

  /** From the upper left corner on, over what was there, without flicker. */
  static String onTerminal(String text) {
    return "\u001b[H" + text.replace("\n", "\u001b[K\n") + "\u001b[J";
  }
}
