package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A web site on three nodes that elect their primary, each with a proxy before it, and users that
 * ask any of them.
 */
final class SiteCluster {
  private static final Duration ANSWER = Duration.ofSeconds(30);
  private static final Duration LONGEST_REQUEST = Duration.ofSeconds(120);

  private final Workbench bench;
  private final Site site;
  private final ElectedCluster cluster;
  private final Map<TidemarkProcess, Integer> proxies = new LinkedHashMap<>();
  private final Map<TidemarkProcess, Integer> targets = new LinkedHashMap<>();
  private Conversation users;

  /**
   * @param longestLife of each node
   */
  SiteCluster(Workbench bench, Site site, Duration longestLife) throws Exception {
    this.bench = bench;
    this.site = site;
    cluster = new ElectedCluster(bench, 3).sync(2);
    for (TidemarkProcess node : cluster.nodes()) {
      node.longestLife(longestLife);
      proxies.put(node, Ports.free());
      targets.put(node, Ports.free());
      node.setting("proxy.addr", "127.0.0.1:" + proxies.get(node));
      node.setting("proxy.target", "127.0.0.1:" + targets.get(node));
      node.setting("proxy.db", site.database());
      node.setting("proxy.primary-redirect-timeout", "60s");
    }
  }

  List<TidemarkProcess> nodes() {
    return cluster.nodes();
  }

  /** A setting of every node; before {@link #start}. */
  SiteCluster setting(String key, String value) {
    cluster.setting(key, value);
    return this;
  }

  /** Starts everything; the users are at work then. */
  SiteCluster start(int numberOfUsers) {
    cluster.start();
    Path home = bench.scratchDirectory("home");
    List<String> names =
        IntStream.rangeClosed(1, numberOfUsers).mapToObj(number -> "user-" + number).toList();
    site.make(cluster.node(1).file(site.database()), home, names);
    cluster.awaitEqual(site.database());
    for (TidemarkProcess node : nodes()) {
      Path log = bench.scratch(node.name() + "-" + site.kind() + ".log");
      bench.closing(site.serve(node.file(site.database()), home, targets.get(node), log));
      awaitProxy(node);
    }
    List<Object> words = new ArrayList<>();
    words.addAll(List.of(site.kind(), numberOfUsers, Settings.seed("site")));
    words.add(bench.scratch("requests.log"));
    words.addAll(proxies.values());
    users = bench.closing(Conversation.python("site_client.py", words.toArray()));
    awaitMore(2 * numberOfUsers);
    return this;
  }

  private void awaitProxy(TidemarkProcess node) {
    Await.until(
        ElectedCluster.ELECTION,
        "proxy of " + node,
        () ->
            Command.of(
                        Settings.python(),
                        Settings.script("http_get.py"),
                        "http://127.0.0.1:" + proxies.get(node) + "/tidemark/health",
                        bench.scratch("health"))
                    .run()
                    .exit()
                == 0);
  }

  private int count() {
    return Integer.parseInt(users.ask("count", ANSWER));
  }

  /** Until users have written and read again so many times more. */
  void awaitMore(int writes) {
    int wanted = count() + writes;
    Await.until(LONGEST_REQUEST, writes + " writes more", () -> count() >= wanted);
  }

  private TidemarkProcess primary() {
    return cluster.awaitPrimaryOf(nodes().toArray(new TidemarkProcess[0]));
  }

  /** A planned change to the next node, while users go on. */
  void handOff() {
    TidemarkProcess from = primary();
    TidemarkProcess to = nodes().get((nodes().indexOf(from) + 1) % nodes().size());
    from.ask("handoff", "--to", ElectedCluster.id(to)).ok();
    cluster.awaitPrimary(to);
  }

  /**
   * SIGKILL of the primary, and its start when another one has written for a while.
   *
   * @param writes so many of the others, at least
   */
  void killPrimary(int writes) {
    TidemarkProcess killed = primary();
    int number = 1 + nodes().indexOf(killed);
    assertThat(users.ask("down " + number, ANSWER)).isEqualTo("ok");
    killed.kill();
    cluster.awaitPrimaryOf(
        nodes().stream().filter(node -> node != killed).toArray(TidemarkProcess[]::new));
    awaitMore(writes);
    killed.start();
    cluster.awaitInSync(nodes().toArray(new TidemarkProcess[0]));
    awaitProxy(killed);
    assertThat(users.ask("up " + number, ANSWER)).isEqualTo("ok");
  }

  /** On a machine that stands still for seconds: what was being committed then is in doubt. */
  private boolean hasLostALease() throws IOException {
    try (Stream<Path> logs = Files.list(bench.scratch("logs"))) {
      for (Path log : logs.toList()) {
        if (Files.readString(log).contains("lease LOST")) {
          System.out.println("A lease was lost: " + log);
          return true;
        }
      }
    }
    return false;
  }

  /** The users end; nothing has failed that may not, and nothing that they were told is missing. */
  void check() throws Exception {
    Map<?, ?> said = (Map<?, ?>) Json.parse(users.ask("stop", LONGEST_REQUEST));
    System.out.println(site.kind() + ": " + said);
    assertThat((List<?>) said.get("failures")).as("what users must not see").isEmpty();
    if (!hasLostALease()) {
      assertThat((List<?>) said.get("refused"))
          .as("posts that ended with another error than SQLite's own when a writer has to wait")
          .allMatch(error -> String.valueOf(error).contains("database is locked"));
    }
    assertThat(((Number) said.get("acknowledged")).intValue()).isPositive();
    cluster.checkEqual(site.database());
    for (TidemarkProcess node : nodes()) {
      assertThat(users.ask("check " + node.file(site.database()), LONGEST_REQUEST))
          .as("what was acknowledged, on %s", node)
          .isEqualTo("ok");
    }
  }
}
