package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.node.config.HostPort;
import io.tidemark.node.config.NodeConfig;
import io.tidemark.node.http.ApiLimits;
import io.tidemark.node.http.ApiServer;
import io.tidemark.node.http.FakeNode;
import io.tidemark.node.http.ReplicationSamples;
import io.tidemark.stream.LagMeter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** From a node's answer to what people read. */
class StatusTextTest {
  @TempDir Path dataDir;
  private FakeNode node;

  @BeforeEach
  void fill() {
    node = new FakeNode(dataDir);
    node.put("app.db", new byte[8192]);
  }

  private String text(boolean colours) throws Exception {
    NodeConfig.Http http = new NodeConfig.Http(new HostPort("127.0.0.1", 0), null, null, false);
    try (ApiServer server = ApiServer.start(http, node, ApiLimits.defaults())) {
      URI url = URI.create("http://127.0.0.1:" + server.port());
      Map<String, Object> status = new ApiClient(url, null, null).getJson("/status");
      return StatusText.of(status, Instant.now(), colours);
    }
  }

  private void replica(boolean connected, long lag) {
    node.primary = false;
    node.primaryUrl = "http://one:20202";
    node.replication = ReplicationSamples.following(connected, lag);
  }

  @Test
  void aPrimaryListsItsReplicasWithTheirLag() throws Exception {
    node.replication = ReplicationSamples.serving(1_500_000_000);
    assertThat(text(false))
        .contains("role      primary")
        .doesNotContain("\nlag ")
        .containsPattern("REPLICA +ADDRESS +DATABASE +APPLIED +BEHIND +LAG")
        .containsPattern("00000000000000dd +/192.0.2.7:4711 +app.db +0{15}2 +1 +1500 ms +1500 us")
        .doesNotContain("\u001b");
    node.replication = ReplicationSamples.serving(LagMeter.UNKNOWN);
    assertThat(text(false)).contains("catching up");
  }

  @Test
  void aReplicaShowsItsLagAndWhyADatabaseStands() throws Exception {
    replica(true, 0);
    assertThat(text(false))
        .contains("primary   one, http://one:20202  (connected, 250 us, heard 7 ms ago)")
        .contains("lag       none")
        .contains("app.db: does not follow the primary: the disk is full");
    replica(false, 3_000_000_000L);
    assertThat(text(false))
        .contains("(not connected: Connection refused)")
        .contains("lag       3000 ms");
    replica(false, LagMeter.UNKNOWN);
    assertThat(text(false)).contains("lag       never up to date since the start");
  }

  @Test
  void coloursMarkWhatIsWrong() throws Exception {
    replica(false, 3_000_000_000L);
    assertThat(text(true))
        .contains("\u001b[31m(not connected: Connection refused)\u001b[0m")
        .contains("\u001b[33m3000 ms\u001b[0m");
    node.primary = true;
    node.replication = ReplicationSamples.serving(0);
    assertThat(text(true)).doesNotContain("\u001b");
  }

  @Test
  void watchingWritesOverWhatWasThere() {
    assertThat(StatusCommand.onTerminal("a\nb\n"))
        .isEqualTo("\u001b[Ha\u001b[K\nb\u001b[K\n\u001b[J");
  }

  @ParameterizedTest
  @CsvSource({"0, 0 ms", "9999, 9999 ms", "10000, 10 s", "120000, 2 min", "7200000, 2 h"})
  void lagIsRounded(long millis, String text) {
    assertThat(StatusText.lag(millis)).isEqualTo(text);
  }
}
