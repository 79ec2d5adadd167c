package io.tidemark.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A machine of a {@link Network}, as far as connections are concerned: an address of its own, and
 * faults of its link, which add up until {@link #heal}. What a host says to itself is not affected.
 *
 * <p>Programs are brought in by the words of {@link #enter}. They keep the file systems of these
 * tests: what one of them mounts is seen by all.
 */
final class Host {
  /** The only link besides the loopback. */
  static final String LINK = "wire";

  private final String name;
  private final String address;
  private final Path namespace;

  Host(String name, String address, Path namespace) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
  }

  /** The IPv4 address. */
  String address() {
    return address;
  }

  /**
   * To be put before the words of a command. The command replaces it, so the process id is the
   * command's own. ({@code ip netns exec} would hide the mounts that are made in it.)
   */
  List<String> enter() {
    return List.of("nsenter", "--net=" + namespace);
  }

  /** What others send gets lost without a trace. */
  void dropIncoming() {
    rule("INPUT", "-i", LINK, "-j", "DROP");
  }

  /** What this host sends gets lost without a trace. */
  void dropOutgoing() {
    rule("OUTPUT", "-o", LINK, "-j", "DROP");
  }

  /** Nothing gets through, and no side is told: connections are half open. */
  void drop() {
    dropIncoming();
    dropOutgoing();
  }

  /** As {@link #drop}, with one other host only. */
  void dropAll(Host other) {
    rule("INPUT", "-s", other.address, "-j", "DROP");
    rule("OUTPUT", "-d", other.address, "-j", "DROP");
  }

  /** What one other host sends to this one gets lost; the other direction works. */
  void dropFrom(Host other) {
    rule("INPUT", "-s", other.address, "-j", "DROP");
  }

  /** Every connection that is used breaks at once on both sides, new ones are refused. */
  void resetConnections() {
    rule("INPUT", "-i", LINK, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset");
    // Not the answers of the rule above.
    rule(
        "OUTPUT -o %s -p tcp ! --tcp-flags RST RST -j REJECT --reject-with tcp-reset"
            .formatted(LINK)
            .split(" "));
  }

  /**
   * Packets get lost at random, in both directions.
   *
   * @param probability 0 to 1, of each packet
   */
  void lose(double probability) {
    String share = Double.toString(probability);
    for (String direction : List.of("INPUT -i ", "OUTPUT -o ")) {
      rule(
          (direction + LINK + " -m statistic --mode random --probability " + share + " -j DROP")
              .split(" "));
    }
  }

  /** The end of all faults. */
  void heal() {
    iptables("--flush");
  }

  private void rule(String... words) {
    List<String> all = new ArrayList<>(List.of("--append"));
    all.addAll(List.of(words));
    iptables(all.toArray(String[]::new));
  }

  private void iptables(String... words) {
    List<String> all = new ArrayList<>(enter());
    all.addAll(List.of("iptables", "--wait"));
    all.addAll(List.of(words));
    Command.of(all.toArray()).ok();
  }

  @Override
  public String toString() {
    return name;
  }
}
