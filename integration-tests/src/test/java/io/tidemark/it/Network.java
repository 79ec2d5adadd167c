package io.tidemark.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A network of its own: a bridge in a namespace, and for each {@link Host} another namespace that
 * is plugged into it. Nothing of it touches the machine's own network.
 *
 * <p>The names contain the process id of these tests, so that several runs do not meet, and what a
 * killed run has left is removed by the next one.
 */
final class Network implements AutoCloseable {
  private static final AtomicInteger COUNTER = new AtomicInteger();
  private static final Path NAMESPACES = Path.of("/run/netns");
  private static final String PREFIX = "tidemark-it-";

  private final String name =
      PREFIX + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet();
  private final List<Host> hosts = new ArrayList<>();
  private final List<String> slowPorts = new ArrayList<>();

  private Network() {}

  /** A network without hosts. */
  static Network create() {
    removeLeftovers();
    Network network = new Network();
    Command.of("ip", "netns", "add", network.bridge()).ok();
    network.onBridge("link", "add", "bridge", "type", "bridge");
    network.onBridge("link", "set", "bridge", "up");
    return network;
  }

  /** Whether this machine lets us make a network and faults in it. */
  static boolean isPossible() {
    try (Network network = create()) {
      Host host = network.host("probe");
      host.resetConnections();
      host.lose(0.5);
      host.heal();
      return true;
    } catch (AssertionError e) {
      System.err.println(e.getMessage());
      return false;
    }
  }

  private static void removeLeftovers() {
    for (String line : namespaces()) {
      long pid = Long.parseLong(line.substring(PREFIX.length()).replaceAll("-.*", ""));
      if (ProcessHandle.of(pid).isEmpty()) {
        Command.of("ip", "netns", "delete", line).run();
      }
    }
  }

  /** Namespaces that this process has made. */
  static List<String> ownNamespaces() {
    String own = PREFIX + ProcessHandle.current().pid() + "-";
    return namespaces().stream().filter(line -> line.startsWith(own)).toList();
  }

  /** Namespaces of this and of other runs. */
  private static List<String> namespaces() {
    return Command.of("ip", "netns", "list")
        .ok()
        .lines()
        .map(line -> line.replaceAll(" .*", ""))
        .filter(line -> line.startsWith(PREFIX))
        .toList();
  }

  private String bridge() {
    return name + "-bridge";
  }

  private void onBridge(String... words) {
    ip(bridge(), words);
  }

  private static void ip(String namespace, String... words) {
    List<Object> all = new ArrayList<>(List.of("ip", "-n", namespace));
    all.addAll(List.of(words));
    Command.of(all.toArray()).ok();
  }

  /** One more host, reachable by all others. */
  Host host(String hostName) {
    int number = hosts.size() + 1;
    String namespace = name + "-" + hostName;
    String address = "10.77.0." + number;
    Command.of("ip", "netns", "add", namespace).ok();
    Host host = new Host(hostName, address, NAMESPACES.resolve(namespace));
    hosts.add(host);
    String port = "port" + number;
    onBridge("link", "add", port, "type", "veth", "peer", "name", Host.LINK, "netns", namespace);
    onBridge("link", "set", port, "master", "bridge");
    onBridge("link", "set", port, "up");
    ip(namespace, "link", "set", "lo", "up");
    ip(namespace, "address", "add", address + "/24", "dev", Host.LINK);
    ip(namespace, "link", "set", Host.LINK, "up");
    return host;
  }

  /**
   * What is sent to a host comes slowly.
   *
   * @param kilobits a second
   */
  void slow(Host host, int kilobits) {
    String port = "port" + (hosts.indexOf(host) + 1);
    tc("add", port, "tbf", "rate", kilobits + "kbit", "burst", "2000", "latency", "10s").ok();
    slowPorts.add(port);
  }

  private Command tc(String what, String port, String... words) {
    List<Object> all =
        new ArrayList<>(List.of("tc", "-n", bridge(), "qdisc", what, "dev", port, "root"));
    all.addAll(List.of(words));
    return Command.of(all.toArray());
  }

  /** The end of all faults. */
  void heal() {
    hosts.forEach(Host::heal);
    slowPorts.forEach(port -> tc("del", port).ok());
    slowPorts.clear();
  }

  /** Removes all; programs that still run in it are cut off. */
  @Override
  public void close() {
    List<String> problems = new ArrayList<>();
    List<String> namespaces = new ArrayList<>(List.of(bridge()));
    hosts.forEach(host -> namespaces.add(name + "-" + host));
    for (String namespace : namespaces) {
      Command.Result result = Command.of("ip", "netns", "delete", namespace).run();
      if (result.exit() != 0) {
        problems.add(result.toString());
      }
    }
    hosts.clear();
    if (!problems.isEmpty()) {
      throw new AssertionError(String.join("\n", problems));
    }
  }
}
