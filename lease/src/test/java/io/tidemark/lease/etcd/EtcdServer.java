package io.tidemark.lease.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real etcd, as Debian's package etcd-server installs it; on the loopback address or a host. */
public final class EtcdServer implements AutoCloseable {
  /**
   * Where a server runs.
   *
   * @param enter words before a command that make it run on that host
   */
  public record Place(String address, List<String> enter) {}

  private static final Place HERE = new Place("127.0.0.1", List.of());

  private final Path dir;
  private final Place place;
  private final String name;
  private final int clientPort;
  private final int peerPort;
  private final String scheme;
  private final List<String> more;
  private String cluster = "";
  private Process process;

  private EtcdServer(Path dir, Place place, String name, String scheme, List<String> more)
      throws IOException {
    this.dir = dir;
    this.place = place;
    this.name = name;
    this.scheme = scheme;
    this.more = more;
    clientPort = freePort();
    peerPort = freePort();
  }

  /** A single server whose elections are quick, so that it grants a TTL of one second. */
  public static EtcdServer start(Path dir) throws Exception {
    return start(dir, "http", List.of("--heartbeat-interval=20", "--election-timeout=200"));
  }

  static EtcdServer start(Path dir, String scheme, List<String> more) throws Exception {
    EtcdServer server = new EtcdServer(dir, HERE, "n0", scheme, more);
    server.cluster = server.member();
    server.run();
    server.awaitPort();
    return server;
  }

  /** Servers that form one cluster, twice as quick to elect as by default. */
  public static List<EtcdServer> startCluster(Path dir, int size) throws Exception {
    return startCluster(dir, Collections.nCopies(size, HERE));
  }

  /** The same, one at each place. */
  public static List<EtcdServer> startCluster(Path dir, List<Place> places) throws Exception {
    List<EtcdServer> servers = new ArrayList<>();
    for (Place place : places) {
      servers.add(
          new EtcdServer(
              dir,
              place,
              "n" + servers.size(),
              "http",
              List.of("--heartbeat-interval=50", "--election-timeout=500")));
    }
    String all = String.join(",", servers.stream().map(EtcdServer::member).toList());
    for (EtcdServer server : servers) {
      server.cluster = all;
      server.run();
    }
    for (EtcdServer server : servers) {
      server.awaitPort();
    }
    return servers;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private String member() {
    return name + "=http://" + place.address() + ":" + peerPort;
  }

  public URI url() {
    return URI.create(scheme + "://" + place.address() + ":" + clientPort);
  }

  public String name() {
    return name;
  }

  /** Starts, or starts again on the same data. */
  public void run() throws IOException {
    Path etcd = Path.of("/usr/bin/etcd");
    assertThat(etcd)
        .as("etcd is a package of the tests: apt-get install etcd-server (./tidemark-test does)")
        .exists();
    List<String> command = new ArrayList<>(place.enter());
    command.addAll(
        List.of(
            etcd.toString(),
            "--name=" + name,
            "--data-dir=" + dir.resolve(name),
            "--listen-client-urls=" + url(),
            "--advertise-client-urls=" + url(),
            "--listen-peer-urls=http://" + place.address() + ":" + peerPort,
            "--initial-advertise-peer-urls=http://" + place.address() + ":" + peerPort,
            "--initial-cluster=" + cluster));
    command.addAll(more);
    Files.createDirectories(dir);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(dir.resolve(name + ".log").toFile()));
    // The package's default is to write this into a system directory.
    builder.environment().keySet().removeIf(key -> key.startsWith("ETCD_"));
    builder.environment().put("ETCD_UNSUPPORTED_ARCH", System.getProperty("os.arch"));
    process = builder.start();
  }

  /** Returns when it serves clients. */
  public void awaitPort() throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!answers()) {
      assertThat(process.isAlive() && System.nanoTime() - end < 0)
          .as("etcd %s starts; its log: %s", name, dir.resolve(name + ".log"))
          .isTrue();
      Thread.sleep(20);
    }
  }

  private boolean answers() throws Exception {
    if (place != HERE) {
      List<String> command = new ArrayList<>(place.enter());
      command.addAll(
          List.of("bash", "-c", "exec 3<>/dev/tcp/" + place.address() + "/" + clientPort));
      return new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    }
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(place.address(), clientPort), 200);
      return true;
    } catch (IOException e) {
      return false; // not yet
    }
  }

  public void signal(String signal) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  public void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly(); // SIGKILL works on a stopped process, too.
    process.onExit().join();
  }
}
