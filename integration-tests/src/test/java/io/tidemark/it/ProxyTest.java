package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.proxy.RawConnection;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** An application behind the proxies of several nodes, by whichever of them it is reached. */
class ProxyTest {
  private static final String DB = "app.db";
  private static final String TABLE =
      "PRAGMA journal_mode=WAL; CREATE TABLE t(v INTEGER PRIMARY KEY);";

  @RegisterExtension final Workbench bench = new Workbench();
  private final Map<TidemarkProcess, Integer> ports = new LinkedHashMap<>();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
    Requirements.programs("sqlite3", Settings.python());
  }

  /** The application is supervised by the node, and the proxy stands before it. */
  private void withApplication(TidemarkProcess node) {
    int proxy = Ports.free();
    int application = Ports.free();
    ports.put(node, proxy);
    node.setting("proxy.addr", "127.0.0.1:" + proxy);
    node.setting("proxy.target", "127.0.0.1:" + application);
    node.setting("proxy.db", DB);
    node.option("--", Settings.python(), Settings.script("proxy_app.py").toString());
    node.option(Integer.toString(application), node.file(DB).toString());
  }

  /** Somebody who keeps a connection to each proxy, and a cookie. */
  private final class Client implements AutoCloseable {
    private final Map<TidemarkProcess, RawConnection> connections = new LinkedHashMap<>();
    private String cookie = "";

    /** The status of the answer; 0 if there was none. */
    int ask(TidemarkProcess node, String method, int value) {
      try {
        RawConnection connection = connections.get(node);
        if (connection == null) {
          connection = RawConnection.to(ports.get(node));
          connections.put(node, connection);
        }
        connection.send(
            method
                + " /v/"
                + value
                + " HTTP/1.1\r\nHost: app\r\n"
                + (cookie.isEmpty() ? "" : "Cookie: " + cookie + "\r\n")
                + (method.equals("GET") ? "" : "Content-Length: 0\r\n")
                + "\r\n");
        String answer = connection.message();
        if (answer.isEmpty()) {
          throw new IOException("closed");
        }
        String set = RawConnection.header(answer, "set-cookie");
        cookie = set == null ? cookie : set.substring(0, set.indexOf(';'));
        if ("close".equals(RawConnection.header(answer, "connection"))) {
          connections.remove(node).close();
        }
        int status = Integer.parseInt(answer.substring(9, 12));
        if (status >= 500) {
          System.out.println(node + ": " + method + " " + value + ": " + answer);
        }
        return status;
      } catch (IOException e) {
        System.out.println(node + ": " + method + " " + value + ": " + e);
        connections.remove(node);
        return 0;
      }
    }

    @Override
    public void close() throws IOException {
      for (RawConnection connection : connections.values()) {
        connection.close();
      }
    }
  }

  private void awaitProxies(List<TidemarkProcess> nodes) {
    for (TidemarkProcess node : nodes) {
      Await.until(
          Duration.ofSeconds(30),
          "application behind " + node,
          () -> {
            try (Client client = new Client()) {
              return client.ask(node, "GET", 0) == 404;
            }
          });
    }
  }

  @Test
  void whatIsWrittenThroughOneReplicaIsReadThroughAnother() throws Exception {
    Cluster cluster = new Cluster(bench, 2);
    List<TidemarkProcess> nodes = new ArrayList<>(cluster.replicas());
    nodes.add(cluster.primary());
    nodes.forEach(this::withApplication);
    cluster.start();
    Command.sqlite(cluster.primary().file(DB), TABLE).ok();
    cluster.awaitEqual(DB);
    awaitProxies(nodes);
    Client client = bench.closing(new Client());
    for (int i = 1; i <= 60; i++) {
      assertThat(client.ask(nodes.get(i % 3), "POST", i)).as("write %d", i).isEqualTo(200);
      assertThat(client.ask(nodes.get((i + 1) % 3), "GET", i)).as("read %d", i).isEqualTo(200);
    }
    assertThat(cluster.replica().metric("tidemark_proxy_request_count{outcome=\"forwarded\"}"))
        .isEqualTo(20);
    assertThat(cluster.primary().metric("tidemark_proxy_request_count{outcome=\"write\"}"))
        .isEqualTo(60);
    cluster.primary().kill();
    assertThat(client.ask(cluster.replica(), "GET", 60)).isEqualTo(200);
    cluster.replica().setting("proxy.primary-redirect-timeout", "1s");
    assertThat(client.ask(cluster.replica(), "POST", 61)).isIn(502, 503);
  }

  @Test
  void whileThePrimaryChangesNothingFailsThatMayBeRepeatedAndNothingIsLost() throws Exception {
    Requirements.programs("etcd");
    ElectedCluster cluster = new ElectedCluster(bench, 3).sync(2);
    cluster.setting("proxy.primary-redirect-timeout", "30s");
    cluster.nodes().forEach(this::withApplication);
    cluster.start();
    Command.sqlite(cluster.node(1).file(DB), TABLE).ok();
    cluster.awaitEqual(DB);
    awaitProxies(cluster.nodes());

    Load load = new Load(cluster.nodes());
    load.start();
    for (int to : new int[] {2, 1}) {
      load.awaitMore();
      TidemarkProcess from =
          cluster.awaitPrimaryOf(cluster.nodes().toArray(new TidemarkProcess[0]));
      from.ask("handoff", "--to", ElectedCluster.id(cluster.node(to))).ok();
      cluster.awaitPrimary(cluster.node(to));
    }
    load.awaitMore();
    assertThat(load.failures).as("requests that failed during handoffs").isEmpty();
    assertThat(load.broken).as("also of those that may not be repeated").isEmpty();

    load.leave(cluster.node(1));
    load.awaitMore();
    cluster.node(1).kill();
    cluster.awaitPrimaryOf(cluster.node(2), cluster.node(3));
    load.awaitMore();
    load.stop();
    assertThat(load.failures).as("requests that failed in the failover").isEmpty();
    cluster.awaitEqual(DB);
    String values = "," + ElectedCluster.values(cluster.node(2), DB) + ",";
    assertThat(load.written).isNotEmpty().allMatch(value -> values.contains("," + value + ","));
  }

  /** Clients that write and read through all nodes. */
  private final class Load {
    private static final int CLIENTS = 4;

    private final List<TidemarkProcess> nodes;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile TidemarkProcess avoided;
    private volatile boolean stopped;

    /** Values whose writer was told that they are written. */
    final ConcurrentLinkedQueue<Integer> written = new ConcurrentLinkedQueue<>();

    /** What may be repeated and failed all the same, or was not read after it was written. */
    final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();

    /** What may not be repeated and failed. */
    final ConcurrentLinkedQueue<String> broken = new ConcurrentLinkedQueue<>();

    Load(List<TidemarkProcess> nodes) {
      this.nodes = nodes;
    }

    void start() {
      for (int i = 0; i < CLIENTS; i++) {
        Thread thread = new Thread(this::run, "client " + i);
        thread.start();
        threads.add(thread);
      }
    }

    private void run() {
      try (Client client = new Client()) {
        while (!stopped) {
          int value = next.incrementAndGet();
          String method = value % 3 == 0 ? "POST" : "PUT";
          TidemarkProcess node = choose(value);
          int status = client.ask(node, method, value);
          if (status == 200) {
            written.add(value);
            TidemarkProcess other = choose(value + 1);
            int read = client.ask(other, "GET", value);
            if (read != 200) {
              failures.add("GET " + value + " through " + other.name() + ": " + read);
            }
          } else {
            (method.equals("PUT") ? failures : broken)
                .add(method + " " + value + " through " + node.name() + ": " + status);
          }
          done.incrementAndGet();
        }
      } catch (IOException e) {
        failures.add(e.toString());
      }
    }

    private TidemarkProcess choose(int value) {
      TidemarkProcess chosen = nodes.get(value % nodes.size());
      return chosen == avoided ? nodes.get((value + 1) % nodes.size()) : chosen;
    }

    /** Nobody asks this node any more. */
    void leave(TidemarkProcess node) {
      avoided = node;
    }

    void awaitMore() {
      int wanted = done.get() + 10 * CLIENTS;
      Await.until(ElectedCluster.ELECTION, "answers", () -> done.get() >= wanted);
    }

    void stop() throws InterruptedException {
      stopped = true;
      for (Thread thread : threads) {
        thread.join();
      }
    }
  }
}
