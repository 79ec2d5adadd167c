package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.InDoubt;
import io.tidemark.database.LogPosition;
import io.tidemark.lease.protocol.ClusterRecord;
import io.tidemark.lease.protocol.CommitMode;
import io.tidemark.lease.protocol.Member;
import io.tidemark.lease.protocol.NextRecord;
import io.tidemark.lease.protocol.Role;
import io.tidemark.node.cluster.ClusterControl;
import io.tidemark.node.cluster.ClusterStatus;
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
import java.util.List;
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
  void aNodeOfAClusterShowsWhoIsInSyncAndWhatItWaitsFor() throws Exception {
    node.replication = ReplicationSamples.serving(0);
    ClusterRecord record =
        NextRecord.founding(
            0xc,
            new ClusterRecord.Primary(0xaa, 1, "http://one:20202"),
            new Member(0xaa, 1, 1),
            0,
            CommitMode.SYNC,
            2,
            Map.of());
    InDoubt doubt = new InDoubt(7, new LogPosition(1, 8, 1L << 63), Instant.EPOCH);
    node.cluster =
        new FixedCluster(
            new ClusterStatus(
                Role.PRIMARY,
                "writers wait: 1 in-sync nodes",
                NextRecord.withMembers(
                    record, List.of(new Member(0xaa, 1, 1), new Member(0xdd, 1, 1)), Map.of()),
                null,
                "etcd is away",
                Map.of("app.db", doubt),
                Map.of()));
    assertThat(text(false))
        .contains("in sync   00000000000000aa 00000000000000dd  (commit: sync, at least 2)")
        .contains("lease     etcd is away")
        .contains("in doubt  app.db 0000000000000007 to 0000000000000008")
        .containsPattern("00000000000000dd +/192.0.2.7:4711 .* us +yes");
    node.primary = false;
    assertThat(text(false)).contains("waits     writers wait: 1 in-sync nodes");
  }

  private record FixedCluster(ClusterStatus status) implements ClusterControl {
    @Override
    public String handOff(String nodeId) {
      throw new UnsupportedOperationException();
    }

    @Override
    public String promote() {
      throw new UnsupportedOperationException();
    }

    @Override
    public String force() {
      throw new UnsupportedOperationException();
    }
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
