package io.tidemark.stream.receive;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tidemark.database.Database;
import io.tidemark.database.Store;
import io.tidemark.database.StoreOptions;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.Ack;
import io.tidemark.stream.CommitMode;
import io.tidemark.stream.DatabaseOpen;
import io.tidemark.stream.Frame;
import io.tidemark.stream.FrameDecoder;
import io.tidemark.stream.FrameEncoder;
import io.tidemark.stream.FrameType;
import io.tidemark.stream.Id;
import io.tidemark.stream.MemberStanding;
import io.tidemark.stream.Position;
import io.tidemark.stream.Primary;
import io.tidemark.stream.RecordChunk;
import io.tidemark.stream.Welcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a replica makes of frames that one read of the connection has brought. */
class ReceivedTogetherTest {
  private static final String NAME = "app.db";
  private static final int COUNT = 6;

  @TempDir Path directory;

  private final FrameEncoder encoder = new FrameEncoder(Set.of());
  private Primary primary;
  private Store replica;
  private EmbeddedChannel channel;
  private List<RecordChunk> records;

  @BeforeEach
  void connect() throws Exception {
    primary = new Primary(directory);
    for (int i = 0; i < COUNT; i++) {
      primary.commit(NAME, 3);
    }
    records = primary.records(1, NAME);
    replica =
        Store.open(
            new StoreOptions(directory.resolve("replica"), true, Duration.ofMinutes(10), 0, false));
    // Lanes do their work where they are told to start, so all is over when a read is.
    PrimaryConnection connection =
        new PrimaryConnection(
            replica,
            new ReplicaIdentity(new Id(1), new Id(2), new Id(3), Id.NONE, 0, ""),
            FollowOptions.defaults(),
            Runnable::run,
            new HashMap<>(),
            new HashMap<>(),
            new FollowLag(),
            welcome -> null,
            welcome -> {});
    channel = new EmbeddedChannel(new FrameDecoder(FrameType.Sender.PRIMARY), connection);
    arrive(
        List.of(
            new Welcome(
                Id.parse(primary.store.clusterId()),
                new Id(5),
                new Id(6),
                primary.store.epoch(),
                0,
                CommitMode.ASYNC,
                MemberStanding.NOT_A_MEMBER,
                1000,
                10_000)));
    arrive(
        List.of(
            new DatabaseOpen(1, NAME, DatabaseOpen.Next.RECORDS, Position.NONE, false, "a test")));
    acks();
  }

  @AfterEach
  void end() throws Exception {
    channel.close();
    replica.close();
    primary.close();
  }

  /** One read of the connection. */
  private void arrive(List<? extends Frame> frames) {
    ByteBuf bytes = Unpooled.buffer();
    frames.forEach(frame -> encoder.append(frame, bytes));
    channel.writeInbound(bytes);
  }

  private List<Ack> acks() {
    List<Ack> acks = new ArrayList<>();
    for (Object sent = channel.readOutbound(); sent != null; sent = channel.readOutbound()) {
      if (sent instanceof Ack ack) {
        acks.add(ack);
      }
    }
    return acks;
  }

  private long syncs() {
    Database database = replica.get(NAME);
    return database.metrics().logSyncs.sum();
  }

  @Test
  void recordsOfOneReadShareASyncAndAnAcknowledgement() {
    long before = syncs();
    arrive(records);
    assertThat(syncs() - before).isEqualTo(1);
    assertThat(acks())
        .singleElement()
        .satisfies(
            ack -> {
              assertThat(ack.received()).isEqualTo(new Txid(COUNT));
              assertThat(ack.durable()).isEqualTo(new Txid(COUNT));
              assertThat(ack.applied()).isEqualTo(new Txid(COUNT));
              assertThat(ack.consumed())
                  .isEqualTo(records.stream().mapToLong(RecordChunk::dataBytes).sum());
            });
    assertThat(replica.get(NAME).position().checksum())
        .isEqualTo(primary.store.get(NAME).position().checksum());
  }

  @Test
  void recordsOfSeveralReadsAreAcknowledgedOneByOne() {
    long before = syncs();
    for (RecordChunk record : records) {
      arrive(List.of(record));
      assertThat(acks())
          .singleElement()
          .satisfies(ack -> assertThat(ack.applied()).isEqualTo(record.txid()));
    }
    assertThat(syncs() - before).isEqualTo(COUNT);
  }

  @Test
  void aReadThatEndsWithinAFrameTakesInTheWholeOnes() {
    ByteBuf all = Unpooled.buffer();
    records.forEach(record -> encoder.append(record, all));
    long before = syncs();
    channel.writeInbound(all.readRetainedSlice(all.readableBytes() - 10));
    assertThat(acks())
        .singleElement()
        .satisfies(ack -> assertThat(ack.applied()).isEqualTo(new Txid(COUNT - 1)));
    channel.writeInbound(all);
    assertThat(acks())
        .singleElement()
        .satisfies(ack -> assertThat(ack.applied()).isEqualTo(new Txid(COUNT)));
    assertThat(syncs() - before).isEqualTo(2);
  }
}
