package io.tidemark.it;

import io.tidemark.it.ClusterHistory.Operation;
import io.tidemark.it.ClusterHistory.Outcome;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Compares what the clients of one database saw with what was left when all faults were over. Pure;
 * each contradiction is a sentence. SQLite has one writer and the log numbers its transactions, so
 * the true order is known and nothing has to be searched.
 */
final class ClusterChecker {
  /**
   * A transaction in the log of a node.
   *
   * @param where whose log, or which set of what was set aside
   * @param checksum of the database after it
   * @param by id of the node that committed it, 0 if the record does not say
   * @param value what it inserted; empty if it is not of a client
   */
  record Entry(String where, long epoch, long txid, long checksum, long by, String value) {}

  /**
   * All that is known of a database.
   *
   * @param sync whether nothing that was acknowledged may be lost
   * @param content the values of the table at the end, the same on all nodes, in their order
   * @param logs of each data directory the transactions in their order; also of directories that
   *     were wiped
   * @param lost transactions that were set aside on some node, or were in a directory that was
   *     wiped
   * @param ids by its name each node's id, and those of its directories that were wiped
   * @param wiped when the directory of a node was wiped, by its name, {@link Operation#start}
   */
  record Facts(
      boolean sync,
      List<Operation> operations,
      List<String> content,
      Map<String, List<Entry>> logs,
      List<Entry> lost,
      Map<String, Set<Long>> ids,
      Map<String, Long> wiped) {}

  private final Facts facts;
  private final Map<String, Integer> places = new HashMap<>();
  private final Set<String> accounted = new HashSet<>();
  private final Map<String, Operation> writes = new HashMap<>();
  private final List<String> digests = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();

  private ClusterChecker(Facts facts) {
    this.facts = facts;
    facts.lost().forEach(entry -> accounted.add(entry.value()));
  }

  /** What is wrong; empty if nothing is. */
  static List<String> check(Facts facts) {
    ClusterChecker checker = new ClusterChecker(facts);
    checker.content();
    checker.writes();
    checker.realTime();
    checker.reads();
    checker.logs();
    checker.tenures();
    return checker.problems;
  }

  /**
   * What was acknowledged and is on fewer disks than promised. A log that begins later than a
   * transaction was begun with a copy of the database, which has it.
   *
   * @param logs by the directory, of all nodes
   */
  static List<String> onDisks(
      List<Operation> operations, Map<String, List<Entry>> logs, int fewest) {
    Map<String, Long> txids = new HashMap<>();
    logs.values().forEach(log -> log.forEach(entry -> txids.put(entry.value(), entry.txid())));
    List<String> problems = new ArrayList<>();
    for (Operation write : operations) {
      if (!write.isWrite() || write.outcome() != Outcome.OK) {
        continue;
      }
      List<String> where = new ArrayList<>();
      logs.forEach(
          (directory, log) -> {
            boolean copied =
                !log.isEmpty() && txids.getOrDefault(write.value(), 0L) < log.get(0).txid();
            if (copied || log.stream().anyMatch(e -> e.value().equals(write.value()))) {
              where.add(directory);
            }
          });
      if (where.size() < fewest) {
        problems.add("It was acknowledged and is on too few disks " + where + ": " + write.label());
      }
    }
    return problems;
  }

  private void content() {
    for (Operation operation : facts.operations()) {
      if (operation.isWrite()) {
        writes.put(operation.value(), operation);
      }
      if (operation.text().contains("malformed") || operation.text().contains("not a database")) {
        problems.add("A client met a damaged database: " + operation.label());
      }
    }
    MessageDigest digest = sha256();
    digests.add(hex(digest));
    for (String value : facts.content()) {
      digest.update((value + "\n").getBytes(StandardCharsets.UTF_8));
      digests.add(hex(digest));
      Integer before = places.putIfAbsent(value, places.size());
      if (before != null) {
        problems.add(value + " is there twice");
      }
      if (!writes.containsKey(value)) {
        problems.add(value + " is there, and nobody wrote it");
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String hex(MessageDigest digest) {
    try {
      return HexFormat.of().formatHex(((MessageDigest) digest.clone()).digest());
    } catch (CloneNotSupportedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void writes() {
    for (Operation write : writes.values()) {
      boolean there = places.containsKey(write.value());
      boolean setAside = accounted.contains(write.value());
      if (write.outcome() == Outcome.REFUSED && (there || setAside)) {
        problems.add(
            "It was refused and is " + (there ? "there" : "set aside") + ": " + write.label());
      }
      if (write.outcome() == Outcome.OK && !there && (facts.sync() || !setAside)) {
        problems.add(
            "It was acknowledged and is "
                + (setAside ? "only among what was set aside or wiped" : "nowhere")
                + ": "
                + write.label());
      }
    }
  }

  /** A write that began when another had been acknowledged comes after it. */
  private void realTime() {
    List<Operation> inOrder = new ArrayList<>();
    for (String value : facts.content()) {
      if (writes.containsKey(value)) {
        inOrder.add(writes.get(value));
      }
    }
    Operation latest = null;
    for (Operation write : inOrder) {
      if (latest != null && write.end() < latest.start() && write.outcome() == Outcome.OK) {
        problems.add(
            write.label() + " had ended before " + latest.label() + " began, and comes after it");
      }
      if (latest == null || write.start() > latest.start()) {
        latest = write;
      }
    }
  }

  private void reads() {
    Map<String, List<Operation>> byNode = new TreeMap<>();
    for (Operation operation : facts.operations()) {
      byNode.computeIfAbsent(operation.node(), key -> new ArrayList<>()).add(operation);
    }
    byNode.forEach(
        (node, operations) -> {
          for (Operation read : operations) {
            if (!read.isWrite() && read.outcome() == Outcome.OK) {
              read(read);
            }
          }
          // In async mode a node may have to give up what it has shown.
          if (facts.sync()) {
            neverBack(node, operations);
          }
        });
  }

  private void read(Operation read) {
    if (!read.text().isEmpty()) {
      problems.add("A read contradicts itself: " + read.label());
    }
    boolean prefix =
        read.count() < digests.size() && read.digest().equals(digests.get(read.count()));
    if (prefix || (!facts.sync() && accounted.contains(read.last()))) {
      return;
    }
    Operation last = writes.get(read.last());
    problems.add(
        "A read is no prefix of what was there at the end: "
            + read.label()
            + ", "
            + read.count()
            + " rows, the last by "
            + (last == null ? "nobody" : last.label())
            + (places.containsKey(read.last())
                ? ", which is row " + (places.get(read.last()) + 1) + " at the end"
                : ", which is not there at the end"));
  }

  /**
   * What a node has shown, or acknowledged, whoever asks it later sees. An event is an end of an
   * operation that showed so many rows; a read that started after it must have as many.
   */
  private void neverBack(String node, List<Operation> operations) {
    List<Operation> ends = new ArrayList<>(operations);
    ends.removeIf(operation -> operation.outcome() != Outcome.OK);
    ends.sort(Comparator.comparingLong(Operation::end));
    List<Operation> reads = new ArrayList<>(ends);
    reads.removeIf(Operation::isWrite);
    reads.sort(Comparator.comparingLong(Operation::start));
    long wipedAt = facts.wiped().getOrDefault(node, Long.MIN_VALUE);
    int shown = 0;
    Operation by = null;
    int next = 0;
    for (Operation read : reads) {
      for (; next < ends.size() && ends.get(next).end() < read.start(); next++) {
        Operation earlier = ends.get(next);
        int rows = rows(earlier);
        if (rows > shown && (earlier.start() > wipedAt || read.start() < wipedAt)) {
          shown = rows;
          by = earlier;
        }
      }
      if (by != null && by.start() < wipedAt && read.start() > wipedAt) {
        shown = 0;
        by = null;
      }
      if (read.count() < shown) {
        problems.add(
            "A node went back: "
                + read.label()
                + " saw "
                + read.count()
                + " rows after "
                + by.label()
                + " had shown "
                + shown);
      }
    }
  }

  private int rows(Operation operation) {
    return operation.isWrite() ? places.getOrDefault(operation.value(), -1) + 1 : operation.count();
  }

  private boolean isOf(long id, String node) {
    return facts.ids().getOrDefault(node, Set.of()).contains(id);
  }

  private void logs() {
    Map<Long, Map<Long, String>> committers = new TreeMap<>();
    Map<String, Entry> contents = new LinkedHashMap<>();
    facts
        .logs()
        .forEach(
            (where, log) -> {
              long epoch = 0;
              for (Entry entry : log) {
                if (entry.epoch() < epoch) {
                  problems.add(entry + " comes after epoch " + epoch);
                }
                epoch = entry.epoch();
              }
            });
    List<Entry> all = new ArrayList<>(facts.lost());
    facts.logs().values().forEach(all::addAll);
    for (Entry entry : all) {
      Entry other = contents.putIfAbsent(entry.epoch() + "/" + entry.txid(), entry);
      if (other != null
          && (other.checksum() != entry.checksum() || !other.value().equals(entry.value()))) {
        problems.add("One place, two contents: " + other + " and " + entry);
      }
      if (entry.by() != 0) {
        committers
            .computeIfAbsent(entry.epoch(), key -> new TreeMap<>())
            .putIfAbsent(entry.by(), entry.toString());
      }
      Operation write = writes.get(entry.value());
      if (write != null && entry.by() != 0 && !isOf(entry.by(), write.node())) {
        problems.add(write.label() + " was committed by another node: " + entry);
      }
    }
    committers.forEach(
        (epoch, by) -> {
          if (by.size() > 1) {
            problems.add("Several nodes committed in epoch " + epoch + ": " + by.values());
          }
        });
  }

  /**
   * Whoever has been replaced acknowledges nothing that begins after its successor has acknowledged
   * something. In async mode that is all that the lease promises.
   */
  private void tenures() {
    Map<String, Long> epochs = new HashMap<>();
    facts.lost().forEach(entry -> epochs.put(entry.value(), entry.epoch()));
    facts.logs().values().forEach(log -> log.forEach(e -> epochs.put(e.value(), e.epoch())));
    Map<Long, Operation> first = new TreeMap<>(Comparator.reverseOrder());
    for (Operation write : writes.values()) {
      if (write.outcome() == Outcome.OK && epochs.containsKey(write.value())) {
        first.merge(epochs.get(write.value()), write, (a, b) -> a.end() - b.end() <= 0 ? a : b);
      }
    }
    for (Operation write : writes.values()) {
      Long epoch = epochs.get(write.value());
      if (write.outcome() != Outcome.OK || epoch == null) {
        continue;
      }
      for (Map.Entry<Long, Operation> later : first.entrySet()) {
        if (later.getKey() > epoch && later.getValue().end() < write.start()) {
          problems.add(
              "It was acknowledged in epoch "
                  + epoch
                  + ": "
                  + write.label()
                  + ", and had begun after epoch "
                  + later.getKey()
                  + " had acknowledged "
                  + later.getValue().label());
          break;
        }
      }
    }
  }
}
