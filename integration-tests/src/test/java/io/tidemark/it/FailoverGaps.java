package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A cluster that loses or changes its primary again and again, and a client on each node that
 * writes all the time with a busy timeout: measures from the last commit that the old primary
 * acknowledged to the first that the new one does.
 */
final class FailoverGaps {
  private static final String DB = "gaps.db";
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int BUSY_SECONDS = 60;
  private static final int PAUSE_MILLIS = 2;

  private record Write(boolean acknowledged, long value, long start, long end, String words) {}

  private final class Client {
    final TidemarkProcess node;
    final Path file;
    final Conversation program;
    long read;

    Client(Workbench bench, TidemarkProcess node, int number) {
      this.node = node;
      file = bench.scratch(node.name() + ".writes");
      program =
          bench.closing(
              Conversation.python(
                  "failover_writer.py",
                  node.file(DB),
                  file,
                  number * 1_000_000_000L,
                  BUSY_SECONDS,
                  PAUSE_MILLIS));
    }

    /** What was written since the last call. */
    List<Write> fresh() throws IOException {
      List<Write> writes = new ArrayList<>();
      try (var channel = Files.newByteChannel(file)) {
        channel.position(read);
        ByteBuffer bytes = ByteBuffer.allocate((int) (channel.size() - read));
        int got = 0;
        while (bytes.hasRemaining() && got >= 0) {
          got = channel.read(bytes);
        }
        String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        read += whole.length();
        for (String line : whole.lines().toList()) {
          String[] words = line.split(" ", 5);
          writes.add(
              new Write(
                  words[0].equals("ok"),
                  Long.parseLong(words[1]),
                  Long.parseLong(words[2]),
                  Long.parseLong(words[3]),
                  words[4]));
        }
      }
      return writes;
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();
  private final ElectedCluster cluster;
  private final List<Client> clients = new ArrayList<>();
  private final Set<Long> acknowledged = new HashSet<>();
  private final List<Double> millis = new ArrayList<>();
  private final Set<String> kinds = new HashSet<>();
  private int errors;
  private TidemarkProcess primary;
  private long lastOfPrimary;

  FailoverGaps(Workbench bench, ElectedCluster cluster) {
    this.cluster = cluster;
    primary = cluster.node(1);
    cluster.createTable(primary, DB, "WAL");
    for (TidemarkProcess node : cluster.nodes()) {
      clients.add(new Client(bench, node, clients.size() + 1));
    }
  }

  private void note(Client client, List<Write> writes) {
    for (Write write : writes) {
      if (write.acknowledged()) {
        acknowledged.add(write.value());
      } else {
        errors++;
        if (kinds.add(write.words())) {
          System.out.printf(
              "after %d: %s, on %s, after %.0f ms%n",
              millis.size(),
              write.words(),
              client.node.name(),
              (write.end() - write.start()) / 1e6);
        }
      }
      if (write.acknowledged() && client.node == primary) {
        lastOfPrimary = write.end();
      }
    }
  }

  /** Notes how long it takes from the last commit of the primary to the first of another node. */
  private void awaitNext(long since) throws Exception {
    TidemarkProcess[] next = {null};
    long[] first = {Long.MAX_VALUE};
    Await.until(
        LIMIT,
        "a commit on another node",
        () -> {
          for (Client client : clients) {
            List<Write> writes = client.fresh();
            note(client, writes);
            for (Write write : writes) {
              if (client.node != primary && write.acknowledged() && write.end() < first[0]) {
                first[0] = write.end();
                next[0] = client.node;
              }
            }
          }
          return next[0] != null;
        });
    for (Client client : clients) {
      note(client, client.fresh());
    }
    assertThat(first[0]).as("the first commit of %s", next[0]).isGreaterThan(since);
    millis.add((first[0] - lastOfPrimary) / 1e6);
    primary = next[0];
  }

  /** Some commits of the primary. */
  private void writeFor(int milliseconds) throws Exception {
    Thread.sleep(milliseconds);
    for (Client client : clients) {
      note(client, client.fresh());
    }
  }

  void handOff(int number) throws Exception {
    writeFor(300 + number * 37 % 200);
    long since = System.nanoTime();
    int to = (clients.indexOf(clientOf(primary)) + 1) % clients.size();
    String asked = primary.url() + "/handoff?nodeID=" + ElectedCluster.id(clients.get(to).node);
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(asked)).POST(BodyPublishers.noBody()).build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as("%s: %s", asked, answer.body()).isEqualTo(200);
    awaitNext(since);
    cluster.awaitInSync(cluster.nodes().toArray(new TidemarkProcess[0]));
  }

  void kill(int number) throws Exception {
    writeFor(300 + number * 37 % 1_000);
    TidemarkProcess killed = primary;
    long since = System.nanoTime();
    killed.kill();
    awaitNext(since);
    killed.start();
    cluster.awaitInSync(cluster.nodes().toArray(new TidemarkProcess[0]));
  }

  private Client clientOf(TidemarkProcess node) {
    return clients.stream().filter(client -> client.node == node).findFirst().orElseThrow();
  }

  /** Prints a row of the table, and forgets what it says. */
  void report(String what) {
    double[] sorted = millis.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    if (sorted.length > 0) {
      System.out.printf(
          "| %s | %d | %.0f | %.0f | %.0f | %.0f | %d |%n",
          what,
          sorted.length,
          at(sorted, 0.5),
          at(sorted, 0.9),
          at(sorted, 0.99),
          sorted[sorted.length - 1],
          errors);
      System.out.println(Arrays.toString(millis.stream().mapToLong(Math::round).toArray()));
    }
    millis.clear();
    kinds.clear();
    errors = 0;
  }

  private static double at(double[] sorted, double part) {
    return sorted[(int) Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
  }

  /**
   * All nodes are equal, and have what was acknowledged.
   *
   * @param all whether all of it; else what is missing is counted
   */
  void checkNothingLost(boolean all) throws Exception {
    for (Client client : clients) {
      client.program.close();
    }
    Thread.sleep(1_000);
    for (Client client : clients) {
      note(client, client.fresh());
    }
    cluster.checkEqual(DB);
    Set<Long> there = new HashSet<>();
    String values = Command.sqlite(primary.file(DB), "SELECT v FROM t;").ok();
    values.lines().forEach(value -> there.add(Long.parseLong(value)));
    Set<Long> lost = new HashSet<>(acknowledged);
    lost.removeAll(there);
    System.out.printf(
        "%d writes acknowledged, %d of them lost%n", acknowledged.size(), lost.size());
    if (all) {
      assertThat(lost).as("acknowledged writes that are not there").isEmpty();
    }
  }
}
