package io.tidemark.node.cli;

import io.tidemark.database.Divergence;
import io.tidemark.database.Divergences;
import io.tidemark.node.DivergenceJson;
import io.tidemark.node.config.SizeText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Lists what a node has set aside. */
@Command(
    name = "ls",
    description =
        "Lists the transactions that a node has set aside, from it or its data directory.",
    footer = {
      "",
      "Examples:",
      "  tidemark divergent ls",
      "  tidemark divergent ls --data-dir /var/lib/tidemark"
    })
final class DivergentLsCommand extends ToolCommand {
  @Mixin private ApiOptions api;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Read this data directory; no node has to run.")
  private Path dataDir;

  @Override
  int call(Context context) throws Failure {
    CommandLineTool.quietLog(debug);
    context.out().print(text(sets()));
    return 0;
  }

  private List<?> sets() throws Failure {
    if (dataDir == null) {
      Map<String, Object> status = api.client().getJson("/status");
      return status.get("divergences") instanceof List<?> list ? list : List.of();
    }
    List<Object> sets = new ArrayList<>();
    try {
      for (Divergence divergence : Divergences.list(dataDir)) {
        sets.add(DivergenceJson.of(divergence));
      }
    } catch (IOException e) {
      throw new Failure(e.getMessage(), e);
    }
    return sets;
  }

  private static String text(List<?> sets) {
    if (sets.isEmpty()) {
      return String.format("No divergent transactions.%n");
    }
    TextTable table =
        new TextTable("DATABASE", "FIRST", "LAST", ">EPOCH", "SET ASIDE", "COPY", ">SIZE", "SET");
    TextTable reasons = new TextTable("SET", "WHY");
    for (Object item : sets) {
      Map<?, ?> set = (Map<?, ?>) item;
      table.row(
          set.get("name"),
          set.get("firstTxid"),
          set.get("lastTxid"),
          set.get("lastEpoch"),
          set.get("time"),
          Boolean.TRUE.equals(set.get("database")) ? "yes" : "no",
          set.get("bytes") instanceof Number bytes ? SizeText.format(bytes.longValue()) : null,
          set.get("id"));
      reasons.row(set.get("id"), set.get("why"));
    }
    return table + System.lineSeparator() + reasons;
  }
}
