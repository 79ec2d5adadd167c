package io.tidemark.node.cli;

import io.tidemark.node.config.SizeText;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;

/** A node's status as text for people. */
final class StatusText {
  /** Lag that is no more than the way of a transaction. */
  private static final long SMALL_LAG_MILLIS = 1000;

  private final Map<String, Object> status;
  private final Instant now;
  private final boolean colours;
  private final StringBuilder out = new StringBuilder();

  private StatusText(Map<String, Object> status, Instant now, boolean colours) {
    this.status = status;
    this.now = now;
    this.colours = colours;
  }

  /**
   * The text.
   *
   * @param status the answer of {@code /status}
   * @param colours whether it is for a terminal
   */
  static String of(Map<String, Object> status, Instant now, boolean colours) {
    StatusText text = new StatusText(status, now, colours);
    text.node();
    text.databases();
    text.replicas();
    return text.out.toString();
  }

  private void node() {
    boolean primary = Boolean.TRUE.equals(status.get("isPrimary"));
    line("role", status.get("role"));
    line("epoch", status.get("epoch"));
    if (status.get("cluster") instanceof Map<?, ?> cluster) {
      cluster(cluster, primary);
    }
    line("primary", status.get("primary") instanceof Map<?, ?> map ? primary(map) : "-");
    if (!primary) {
      Object lag = status.get("lagMillis");
      line("lag", lag == null ? bad("never up to date since the start") : lagLine(lag));
    }
    line("node", status.get("nodeID"));
    line("mount", status.get("mount") + mounted(status));
    line("data", status.get("path"));
    out.append('\n');
    if (status.get("divergences") instanceof List<?> sets && !sets.isEmpty()) {
      String warning =
          "WARNING   this node has transactions that its primary does not have (sets: %d);"
              + " 'tidemark divergent ls' lists them";
      out.append(bad(String.format(warning, sets.size()))).append("\n\n");
    }
  }

  private void cluster(Map<?, ?> cluster, boolean primary) {
    if (!primary) {
      line("waits", cluster.get("reason"));
    }
    if (cluster.get("record") instanceof Map<?, ?> record) {
      line("in sync", nodes(record.get("inSync")) + "  (" + promise(record) + ")");
    }
    if (cluster.get("storeProblem") != null) {
      line("lease", bad(cluster.get("storeProblem").toString()));
    }
    doubts("in doubt", cluster.get("inDoubt"));
    doubts("aborting", cluster.get("aborting"));
  }

  private static String nodes(Object ids) {
    return ids instanceof List<?> list
        ? String.join(" ", list.stream().map(String::valueOf).toList())
        : "-";
  }

  private static String promise(Map<?, ?> record) {
    return "sync".equals(record.get("commit"))
        ? "commit: sync, at least " + record.get("minInSync")
        : "commit: async";
  }

  private void doubts(String title, Object doubts) {
    for (Object item : doubts instanceof List<?> list ? list : List.of()) {
      Map<?, ?> doubt = (Map<?, ?>) item;
      line(
          title,
          bad(
              doubt.get("name")
                  + " "
                  + doubt.get("firstTxid")
                  + " to "
                  + doubt.get("lastTxid")
                  + " since "
                  + doubt.get("since")));
    }
  }

  private void line(String title, Object value) {
    out.append(String.format("%-9s %s%n", title, value));
  }

  private String bad(String text) {
    return Paint.BAD.onlyIf(colours).on(text);
  }

  private String lagLine(Object millis) {
    return paintOfLag(millis).on("0".equals(millis.toString()) ? "none" : lag(millis));
  }

  private Paint paintOfLag(Object millis) {
    boolean small = millis instanceof Number number && number.longValue() <= SMALL_LAG_MILLIS;
    return Paint.WARN.onlyIf(colours && !small);
  }

  private void databases() {
    List<?> databases = status.get("databases") instanceof List<?> list ? list : List.of();
    if (databases.isEmpty()) {
      out.append("No databases yet.\n");
      return;
    }
    TextTable table =
        new TextTable(
            "DATABASE", "TXID", "CHECKSUM", "MODE", ">SIZE", ">LOG", ">LAST COMMIT", "HEALTH");
    StringBuilder problems = new StringBuilder();
    for (Object item : databases) {
      Map<?, ?> database = (Map<?, ?>) item;
      Object problem = database.get("problem");
      Object replication = database.get("replicationProblem");
      boolean good = problem == null && replication == null;
      table.painted(
          good ? Paint.NONE : Paint.BAD.onlyIf(colours),
          database.get("name"),
          database.get("txid"),
          database.get("checksum"),
          database.get("journalMode"),
          size(database.get("size")),
          size(database.get("logBytes")),
          age(database.get("lastCommit"), now),
          database.get("health"));
      if (problem != null) {
        problems.append(database.get("name")).append(": ").append(problem).append('\n');
      }
      if (replication != null) {
        problems.append(database.get("name")).append(": does not follow the primary: ");
        problems.append(replication).append('\n');
      }
    }
    out.append(table).append(problems);
  }

  private void replicas() {
    if (!(status.get("replicas") instanceof List<?> list) || list.isEmpty()) {
      return;
    }
    TextTable table =
        new TextTable(
            "REPLICA",
            "ADDRESS",
            "DATABASE",
            "APPLIED",
            ">BEHIND",
            ">LAG",
            ">ROUND TRIP",
            "IN SYNC");
    for (Object item : list) {
      Map<?, ?> replica = (Map<?, ?>) item;
      Object url = replica.get("advertiseURL");
      Object address = url == null || "".equals(url) ? replica.get("remote") : url;
      List<?> databases = (List<?>) replica.get("databases");
      for (Object entry : databases) {
        Map<?, ?> database = (Map<?, ?>) entry;
        boolean good = database.get("problem") == null;
        Object lag = database.get("lagMillis");
        table.painted(
            good ? paintOfLag(lag) : Paint.BAD.onlyIf(colours),
            replica.get("nodeID"),
            address,
            database.get("name"),
            database.get("applied"),
            good ? database.get("behind") : "cannot be sent",
            lag == null ? "catching up" : lag(lag),
            replica.get("roundTripMicros") + " us",
            inSync(replica));
      }
      if (databases.isEmpty()) {
        table.row(replica.get("nodeID"), address, "-", "-", "-", "-", "-", inSync(replica));
      }
    }
    out.append('\n').append(table);
  }

  private static String inSync(Map<?, ?> replica) {
    Object inSync = replica.get("inSync");
    return inSync == null ? "-" : Boolean.TRUE.equals(inSync) ? "yes" : "no";
  }

  private String primary(Map<?, ?> primary) {
    String host = String.valueOf(primary.get("hostname"));
    if (!(primary.get("connected") instanceof Boolean connected)) {
      return host;
    }
    String url = host + ", " + primary.get("advertiseURL");
    return connected
        ? url
            + "  (connected, "
            + primary.get("roundTripMicros")
            + " us, heard "
            + primary.get("silenceMillis")
            + " ms ago)"
        : url + "  " + bad("(not connected: " + primary.get("problem") + ")");
  }

  /** A lag for people. */
  static String lag(Object millis) {
    if (!(millis instanceof Number number)) {
      return "?";
    }
    long value = number.longValue();
    if (value < 10_000) {
      return value + " ms";
    }
    long seconds = value / 1000;
    return seconds < 120
        ? seconds + " s"
        : seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
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
