package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The faults that other tests rely on do what they say. */
class NetworkTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final String LOST = "lost";

  @RegisterExtension final Workbench bench = new Workbench();
  private Network network;
  private Host server;
  private Host other;
  private Conversation client;

  @BeforeEach
  void needsNamespaces() {
    Requirements.networkNamespaces();
    Requirements.programs(Settings.python());
    network = bench.closing(Network.create());
    server = network.host("server");
    other = network.host("other");
    bench.closing(Conversation.in(server, "network_echo.py", "serve", server.address()));
    client = client(network.host("client"));
    assertThat(say("a")).isEqualTo("a");
  }

  private Conversation client(Host host) {
    return bench.closing(Conversation.in(host, "network_echo.py", "talk", server.address()));
  }

  private String say(String text) {
    return client.ask(text, LIMIT);
  }

  @Test
  void droppedPacketsAreLostInTheDirectionThatWasAskedFor() {
    server.dropOutgoing();
    assertThat(say("b")).isEqualTo(LOST);
    server.heal();
    assertThat(say("c")).isEqualTo("c");
    server.dropIncoming();
    assertThat(say("d")).isEqualTo(LOST);
    server.heal();
    server.drop();
    assertThat(say("e")).isEqualTo(LOST);
    server.heal();
    assertThat(say("f")).isEqualTo("f");
    assertThat(client.ask("received", LIMIT)).isEqualTo("a b c f");
  }

  @Test
  void resetConnectionsBreakAtOnceOnBothSides() {
    server.resetConnections();
    assertThat(say("b")).isEqualTo("ConnectionResetError");
    assertThat(say("c")).isEqualTo("ConnectionRefusedError");
    server.heal();
    assertThat(say("d")).isEqualTo("d");
  }

  @Test
  void aPartitionSeparatesTwoHostsOnly() {
    Conversation third = client(other);
    assertThat(third.ask("b", LIMIT)).isEqualTo("b");
    server.dropAll(other);
    assertThat(third.ask("c", LIMIT)).isEqualTo(LOST);
    assertThat(say("d")).isEqualTo("d");
  }

  @Test
  void aSlowLinkBringsWhatIsSentToThatHostLate() {
    network.slow(server, 8);
    assertThat(say("b")).isEqualTo("b");
    assertThat(say("c".repeat(9_000))).isEqualTo(LOST); // at a kilobyte a second
    network.heal();
    assertThat(say("d".repeat(9_000))).isEqualTo("d".repeat(9_000));
  }

  @Test
  void aNetworkLeavesNothing() {
    Network another = Network.create();
    another.host("short");
    int before = Network.ownNamespaces().size();
    another.close();
    assertThat(Network.ownNamespaces()).hasSize(before - 2);
  }
}
