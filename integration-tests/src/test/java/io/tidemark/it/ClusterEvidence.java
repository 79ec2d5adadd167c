package io.tidemark.it;

import io.tidemark.database.Divergence;
import io.tidemark.database.Divergences;
import io.tidemark.database.LogReader;
import io.tidemark.database.LogRecord;
import io.tidemark.it.ClusterChecker.Entry;
import io.tidemark.it.ClusterHistory.Operation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is left of a database in the data directories of a cluster, for {@link ClusterChecker}. */
final class ClusterEvidence {
  /** The row that the trigger of each insert replaces, always by one of the same length. */
  private static final Pattern LAST = Pattern.compile("LAST:(n[0-9]-c[0-9]-[0-9]{2}-[0-9]{7})");

  private final FaultyCluster cluster;
  private final String db;
  private final Map<String, List<Entry>> logs = new LinkedHashMap<>();
  private final List<Entry> lost = new ArrayList<>();

  ClusterEvidence(FaultyCluster cluster, String db) {
    this.cluster = cluster;
    this.db = db;
  }

  /**
   * @param image of the database at the end
   * @return what is wrong
   */
  List<String> check(Path image, List<Operation> operations) throws IOException {
    List<String> content =
        Command.sqlite(image, "SELECT v FROM t ORDER BY seq;").ok().lines().toList();
    for (TidemarkProcess node : cluster.nodes()) {
      readLog(node.name(), node.data());
      readSetAside(node.name(), node.data());
      for (Path directory : cluster.wiped().getOrDefault(node.name(), List.of())) {
        readWiped(node.name() + " wiped", directory, new HashSet<>(content));
      }
    }
    return ClusterChecker.check(
        new ClusterChecker.Facts(
            cluster.isSync(), operations, content, logs, lost, cluster.ids(), cluster.wipedAt()));
  }

  /**
   * Whether what was acknowledged until now is on as many disks as sync mode promises.
   *
   * @return what is not
   */
  List<String> countDisks(List<Operation> operations) throws IOException {
    for (TidemarkProcess node : cluster.nodes()) {
      readLog(node.name(), node.data());
    }
    return ClusterChecker.onDisks(operations, logs, FaultyCluster.MIN_IN_SYNC);
  }

  private void readLog(String where, Path directory) throws IOException {
    List<Entry> entries = new ArrayList<>();
    if (LogReader.databaseNames(directory).contains(db)) {
      try (LogReader reader = LogReader.open(directory, db)) {
        read(where, reader, entries);
      }
    }
    logs.put(where + " " + directory.getFileName(), entries);
  }

  private void readWiped(String where, Path directory, Set<String> content) throws IOException {
    readLog(where, directory);
    for (Entry entry : logs.get(where + " " + directory.getFileName())) {
      if (!content.contains(entry.value())) {
        lost.add(entry);
      }
    }
    readSetAside(where, directory);
  }

  private void readSetAside(String where, Path directory) throws IOException {
    for (Divergence set : Divergences.list(directory)) {
      if (set.name().equals(db)) {
        try (LogReader reader = set.records()) {
          read(where + " set aside " + set.id(), reader, lost);
        }
      }
    }
  }

  private static void read(String where, LogReader reader, List<Entry> to) throws IOException {
    for (LogRecord record = reader.next(); record != null; record = reader.next()) {
      LtxFile ltx = new LtxFile(reader.ltx().readAllBytes());
      to.add(
          new Entry(
              where,
              record.epoch(),
              ltx.maxTxid,
              ltx.postApply,
              record.header().nodeId(),
              value(ltx)));
    }
  }

  private static String value(LtxFile ltx) {
    for (byte[] page : ltx.pages.values()) {
      Matcher matcher = LAST.matcher(new String(page, StandardCharsets.ISO_8859_1));
      if (matcher.find()) {
        return matcher.group(1);
      }
    }
    return "";
  }
}
