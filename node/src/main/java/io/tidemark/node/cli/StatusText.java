package io.tidemark.node.cli;

import io.tidemark.node.config.SizeText;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;

/** A node's status as text for people. */
final class StatusText {
  private StatusText() {}

  static String of(Map<String, Object> status) {
    return of(status, Instant.now());
  }

  static String of(Map<String, Object> status, Instant now) {
    StringBuilder out = new StringBuilder();
    String primary = status.get("primary") instanceof Map<?, ?> map ? primary(map) : "-";
    out.append(String.format("role      %s%n", status.get("role")));
    out.append(String.format("epoch     %s%n", status.get("epoch")));
    out.append(String.format("primary   %s%n", primary));
    out.append(String.format("node      %s%n", status.get("nodeID")));
    out.append(String.format("mount     %s%s%n", status.get("mount"), mounted(status)));
    out.append(String.format("data      %s%n%n", status.get("path")));
    if (status.get("divergences") instanceof List<?> sets && !sets.isEmpty()) {
      out.append(
          String.format(
              "WARNING   this node has transactions that its primary does not have (sets: %d);"
                  + " 'tidemark divergent ls' lists them%n%n",
              sets.size()));
    }
    List<?> databases = status.get("databases") instanceof List<?> list ? list : List.of();
    if (databases.isEmpty()) {
      return out.append("No databases yet.\n").toString();
    }
    TextTable table =
        new TextTable(
            "DATABASE", "TXID", "CHECKSUM", "MODE", ">SIZE", ">LOG", ">LAST COMMIT", "HEALTH");
    StringBuilder problems = new StringBuilder();
    for (Object item : databases) {
      if (item instanceof Map<?, ?> database) {
        table.row(
            database.get("name"),
            database.get("txid"),
            database.get("checksum"),
            database.get("journalMode"),
            size(database.get("size")),
            size(database.get("logBytes")),
            age(database.get("lastCommit"), now),
            database.get("health"));
        if (database.get("problem") != null) {
          problems
              .append(database.get("name"))
              .append(": ")
              .append(database.get("problem"))
              .append('\n');
        }
      }
    }
    out.append(table).append(problems);
    replicas(out, status.get("replicas"));
    return out.toString();
  }

  private static void replicas(StringBuilder out, Object replicas) {
    if (!(replicas instanceof List<?> list) || list.isEmpty()) {
      return;
    }
    TextTable table =
        new TextTable("REPLICA", "ADDRESS", "DATABASE", "APPLIED", ">BEHIND", ">ROUND TRIP");
    for (Object item : list) {
      Map<?, ?> replica = (Map<?, ?>) item;
      Object url = replica.get("advertiseURL");
      Object address = url == null || "".equals(url) ? replica.get("remote") : url;
      List<?> databases = (List<?>) replica.get("databases");
      for (Object entry : databases) {
        Map<?, ?> database = (Map<?, ?>) entry;
        table.row(
            replica.get("nodeID"),
            address,
            database.get("name"),
            database.get("applied"),
            database.get("problem") == null ? database.get("behind") : "cannot be sent",
            replica.get("roundTripMicros") + " us");
      }
      if (databases.isEmpty()) {
        table.row(replica.get("nodeID"), address, "-", "-", "-", "-");
      }
    }
    out.append('\n').append(table);
  }

  private static String primary(Map<?, ?> primary) {
    String host = String.valueOf(primary.get("hostname"));
    if (!(primary.get("connected") instanceof Boolean connected)) {
      return host;
    }
    String url = String.valueOf(primary.get("advertiseURL"));
    return connected
        ? url
            + "  (connected, "
            + primary.get("roundTripMicros")
            + " us, heard "
            + primary.get("silenceMillis")
            + " ms ago)"
        : url + "  (not connected: " + primary.get("problem") + ")";
  }

  private static String mounted(Map<String, Object> status) {
    return Boolean.TRUE.equals(status.get("mounted")) ? "" : "  (not mounted)";
  }

  private static String size(Object bytes) {
    return bytes instanceof Number number ? SizeText.format(number.longValue()) : "-";
  }

  private static String age(Object time, Instant now) {
    try {
      return time instanceof String text ? age(Duration.between(Instant.parse(text), now)) : "-";
    } catch (DateTimeParseException e) {
      return "-";
    }
  }

  static String age(Duration age) {
    long seconds = Math.max(0, age.toSeconds());
    if (seconds < 120) {
      return seconds + " s ago";
    }
    if (seconds < 7200) {
      return seconds / 60 + " min ago";
    }
    return seconds < 172_800 ? seconds / 3600 + " h ago" : seconds / 86_400 + " d ago";
  }
}
