package io.tidemark.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Database;
import io.tidemark.database.DatabaseListener;
import io.tidemark.ltx.Txid;
import io.tidemark.stream.send.StreamPeer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A primary whose commits wait for a replica, and that replica, over a socket. */
class SyncStreamTest {
  private static final long LIMIT_NANOS = 20_000_000_000L;

  @TempDir Path directory;

  private TestPrimary primary;
  private TestReplica replica;

  @BeforeEach
  void open() throws Exception {
    primary = new TestPrimary(directory.resolve("primary"), CommitMode.SYNC);
    replica = new TestReplica(directory.resolve("replica"));
  }

  @AfterEach
  void close() throws Exception {
    replica.close();
    primary.close();
  }

  private static void until(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + LIMIT_NANOS;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited too long: " + what).isLessThan(deadline);
      sleep(2);
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void follow() {
    replica.follow(primary.address());
    until("the connection", () -> !primary.streams.peers().isEmpty());
  }

  private boolean replicaHas(byte[] image) {
    try {
      return Arrays.equals(replica.image(), image);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void assertReplicaShows(long txid) throws Exception {
    until("transaction " + txid, () -> replica.shown() >= txid);
    assertThat(replica.shown()).isEqualTo(txid);
    // Looked at past the lock of the database, under which the bytes follow the position.
    byte[] expected = primary.image();
    until("its content", () -> replicaHas(expected));
  }

  @Test
  void aCommitReturnsWhenTheReplicaHasItOnItsDiskAndNotBefore() throws Exception {
    FutureTask<Void> commit = primary.commitAside();
    sleep(200);
    assertThat(commit.isDone()).isFalse();

    follow();
    commit.get(10, TimeUnit.SECONDS);

    assertThat(replica.database().appendedDurable()).isEqualTo(1);
    assertReplicaShows(1);
    for (int i = 2; i < 30; i++) {
      primary.commit();
      assertThat(replica.database().appendedDurable()).isEqualTo(i);
    }
    assertReplicaShows(29);
  }

  @Test
  void aReplicaShowsATransactionOnlyWhenItHearsThatItIsCommitted() throws Exception {
    follow();
    primary.commit();
    assertReplicaShows(1);
    primary.gate.needed = 2;
    FutureTask<Void> commit = primary.commitAside();
    until("the record", () -> primary.peer().durable(TestPrimary.NAME) == 2);
    sleep(100);
    assertThat(replica.appended()).isEqualTo(2);
    assertThat(replica.shown()).isEqualTo(1);

    primary.gate.needed = 1;
    primary.gate.evaluate(primary.database());

    commit.get(10, TimeUnit.SECONDS);
    assertReplicaShows(2); // no record came that could have carried it
  }

  @Test
  void whatANewPrimaryInheritedTravelsAndIsShownWhenItIsSettled() throws Exception {
    primary.gate.needed = 0;
    primary.commit();
    primary.commit();
    primary.commitInDoubt();
    primary.gate.settled = false;
    follow();
    until("the tail", () -> primary.peer().durable(TestPrimary.NAME) == 3);
    assertThat(primary.peer().isResynchronising()).isFalse();
    sleep(100);
    assertThat(replica.appended()).isEqualTo(3);
    assertThat(replica.shown()).as("none was announced").isZero();

    assertThat(primary.database().settleCommitted(3)).isTrue();
    primary.gate.settled = true;
    primary.streams.committed(primary.database());

    until("all", () -> replica.shown() == 3);
  }

  @Test
  void aReplicaThatRestartsInBetweenShowsWhatIsAnnouncedThen() throws Exception {
    follow();
    primary.commit();
    assertReplicaShows(1);
    primary.gate.needed = 2;
    FutureTask<Void> commit = primary.commitAside();
    until("the record", () -> primary.peer().durable(TestPrimary.NAME) == 2);
    primary.gate.settled = false;

    replica.restart();
    long before = replica.greetings.size();
    assertThat(replica.appended()).isEqualTo(2);
    assertThat(replica.shown()).isLessThan(2);
    follow();
    until("the greeting", () -> replica.greetings.size() > before);
    until("the record", () -> primary.peer().durable(TestPrimary.NAME) == 2);
    sleep(100);
    assertThat(replica.shown()).isLessThan(2);
    assertThat(replica.database().unserved()).contains("may have been shown before");
    AtomicBoolean told = new AtomicBoolean();
    replica.store.listener(
        new DatabaseListener() {
          @Override
          public void replaced(Database database) {
            told.set(true);
          }
        });

    primary.gate.settled = true;
    primary.gate.needed = 1;
    primary.gate.evaluate(primary.database());
    commit.get(10, TimeUnit.SECONDS);
    assertReplicaShows(2);
    until("the database to be served", () -> replica.database().unserved() == null);
    until("programs that were refused before to be let in", told::get);
  }

  @Test
  void aReplicaIsKilledAgainAndAgainAndHasAllThatWasCommitted() throws Exception {
    follow();
    for (int round = 1; round <= 5; round++) {
      FutureTask<Void> commits =
          new FutureTask<>(
              () -> {
                for (int i = 0; i < 20; i++) {
                  primary.commit();
                }
                return null;
              });
      new Thread(commits).start();
      sleep(20L * round);
      replica.restart();
      follow();
      commits.get(20, TimeUnit.SECONDS);
      assertReplicaShows(20L * round);
      until("the database to be served", () -> replica.database().unserved() == null);
    }
  }

  @Test
  void anAbortEndsConnectionsAndTheReplicaComesBackAtOnceAndCutsOffWhatWasAborted()
      throws Exception {
    replica.retry = Duration.ofSeconds(60);
    follow();
    primary.commit();
    primary.commit();
    assertReplicaShows(2);
    primary.commitInDoubt();
    until("the record", () -> replica.appended() == 3);
    long began = System.nanoTime();

    primary.store.becomePrimary(primary.store.epoch() + 1);
    primary.database().cutAfter(2);
    primary.streams.begin(primary.identity(2));

    until("the cut", () -> replica.appended() == 2);
    until("the new epoch", () -> !primary.streams.peers().isEmpty());
    primary.commit();
    assertThat(System.nanoTime() - began).as("nanoseconds").isLessThan(10_000_000_000L);
    assertReplicaShows(3);
    assertThat(replica.store.epoch()).isEqualTo(primary.store.epoch());
    assertThat(replica.database().metrics().snapshotsReceived.sum()).isZero();
    assertThat(replica.store.divergences()).hasSize(1);
    assertThat(replica.database().appended()).isEqualTo(primary.database().appended());
  }

  @Test
  void whatAReplicaMayHaveToKeepIsNotCutOffWithWhatWasAborted() throws Exception {
    primary.gate.needed = 0;
    primary.commit();
    primary.commit();
    primary.commitInDoubt();
    primary.gate.settled = false;
    follow();
    until("the tail", () -> primary.peer().durable(TestPrimary.NAME) == 3);
    assertThat(replica.shown()).isZero();

    primary.store.becomePrimary(primary.store.epoch() + 1);
    primary.database().cutAfter(2);
    primary.streams.begin(primary.identity(2));

    until("the cut", () -> replica.appended() == 2);
    until("the new epoch", () -> !primary.streams.peers().isEmpty());
    assertThat(primary.peer().ends().get(TestPrimary.NAME).txid()).isEqualTo(new Txid(2));
    until("the plan", () -> primary.peer().durable(TestPrimary.NAME) == 2);
    assertThat(replica.shown()).isZero();
    primary.gate.settled = true;
    primary.streams.committed(primary.database());
    assertReplicaShows(2);
  }

  @Test
  void aReplicaThatIsSentACopyIsResynchronisingUntilItHasIt() throws Exception {
    primary.gate.needed = 0;
    for (int i = 0; i < 3; i++) {
      primary.commit();
    }
    primary.gate.needed = 1;
    try (RawReplica raw = new RawReplica(primary.portNumber())) {
      long epoch = raw.greet().epoch();
      Position strange = Position.of(epoch, 2, Long.MIN_VALUE | 5);
      raw.send(new Positions(epoch, List.of(new NamedPosition(TestPrimary.NAME, strange)), false));
      DatabaseOpen back = (DatabaseOpen) raw.receive();
      assertThat(back.next()).isEqualTo(DatabaseOpen.Next.STEP_BACK);
      assertThat(primary.peer().isResynchronising()).isTrue();
      raw.send(new SnapshotResume(back.id(), 0, 0));
      PageSumsRequest request = receive(raw, PageSumsRequest.class);
      raw.send(new PageSums(back.id(), 512, 1, SampleFrames.sums(512, 1, request.count()), true));
      SnapshotEnd end = receive(raw, SnapshotEnd.class);
      assertThat(end.position()).isEqualTo(Position.of(primary.database().position()));
      raw.send(Ack.ofBytes(back.id(), epoch, 0));
      sleep(50);
      assertThat(primary.peer().isResynchronising()).isTrue();
      Txid three = new Txid(3);
      raw.send(new Ack(back.id(), epoch, three, three, three, 0));
      until("it to follow", () -> !primary.peer().isResynchronising());
    }
  }

  private static <T extends Frame> T receive(RawReplica raw, Class<T> type) throws Exception {
    Frame frame = raw.receive();
    while (!type.isInstance(frame)) {
      frame = raw.receive();
    }
    return type.cast(frame);
  }

  @Test
  void anAdmissionMakesAcknowledgementsThoseOfTheNewMember() throws Exception {
    primary.gate.standing = MemberStanding.NOT_A_MEMBER;
    replica.tokens.addAll(List.of(new Id(0xa), new Id(0xb), new Id(0xc)));
    follow();
    primary.commit();
    StreamPeer peer = primary.peer();
    assertThat(peer.admission()).isEqualTo(new Id(0xa));
    assertThat(peer.durable(TestPrimary.NAME)).isEqualTo(1);

    peer.tell(new Standing(2, MemberStanding.NOT_A_MEMBER, 1, 1)); // it has asked already
    peer.tell(new Standing(3, MemberStanding.MEMBER, 2, 1));
    primary.commit();
    assertThat(peer.admission()).isEqualTo(new Id(0xa));
    // The last acknowledgement that would come without an admission.
    until("the sight", () -> applied(peer) == 2);
    primary.gate.heard.clear();
    peer.tell(new Standing(4, MemberStanding.NOT_A_MEMBER, 1, 1));

    until("the second admission", () -> peer.admission().equals(new Id(0xb)));
    until("the same again", () -> peer.durable(TestPrimary.NAME) == 2);
    assertThat(primary.gate.heard).containsExactly(new Id(0xb) + " " + TestPrimary.NAME + " 2");
    assertThat(replica.standings).extracting(Standing::recordVersion).containsExactly(2L, 3L, 4L);
    assertThat(peer.isResynchronising()).isFalse();
  }

  private static long applied(StreamPeer peer) {
    Ack ack = peer.status().databases().get(TestPrimary.NAME).acknowledged();
    return ack == null ? 0 : ack.applied().value();
  }

  @Test
  void aNodeThatMayNotBeAMemberDoesNotAsk() throws Exception {
    primary.gate.standing = MemberStanding.NOT_A_MEMBER;
    follow();
    primary.commit();

    assertThat(primary.peer().admission()).isEqualTo(Id.NONE);
    assertThat(primary.peer().durable(TestPrimary.NAME)).isEqualTo(1);
  }

  @Test
  void aHandoffIsTold() {
    follow();
    primary.peer().handoff(9);

    until("the handoff", () -> replica.handoffs.equals(List.of(9L)));
  }

  @Test
  void nothingIsPlannedBeforeTheGateOpens() throws Exception {
    primary.gate.needed = 0;
    primary.commit();
    primary.gate.closed = true;
    follow();
    sleep(100);
    assertThat(replica.appended()).isZero();
    assertThat(primary.peer().isResynchronising()).isTrue();

    primary.peer().open();

    assertReplicaShows(1);
    until("the acknowledgement", () -> !primary.peer().isResynchronising());
  }

  @Test
  void theRecordVersionOfTheGreetingIsTheNewestOne() {
    primary.streams.identity(primary.identity(41));
    follow();

    assertThat(replica.greetings.get(0).recordVersion()).isEqualTo(41);
    assertThat(replica.greetings.get(0).standing()).isEqualTo(MemberStanding.MEMBER);
  }

  // ---------------------------------------------------------- frame by frame

  @Test
  void positionsOfAnotherEpochAreRefused() throws Exception {
    try (RawReplica raw = new RawReplica(primary.portNumber())) {
      long epoch = raw.greet().epoch();
      raw.send(new Positions(epoch + 1, List.of(), false));

      assertThat(raw.receive())
          .isInstanceOfSatisfying(
              End.class,
              end -> {
                assertThat(end.reason()).isEqualTo(End.Reason.PROTOCOL_ERROR);
                assertThat(end.text()).contains("POSITIONS, epoch: found " + (epoch + 1));
              });
    }
  }

  @Test
  void acknowledgementsOfAnotherEpochOrOfNoDatabaseAreRefused() throws Exception {
    primary.gate.needed = 0;
    primary.commit();
    for (Map.Entry<Integer, Long> wrong : Map.of(1, 1L, 2, 0L).entrySet()) {
      try (RawReplica raw = new RawReplica(primary.portNumber())) {
        long epoch = raw.greet().epoch();
        raw.send(new Positions(epoch, List.of(), false));
        assertThat(raw.receive()).isInstanceOf(DatabaseOpen.class);
        raw.send(Ack.ofBytes(wrong.getKey(), epoch + wrong.getValue(), 0));

        assertThat(receive(raw, End.class).reason()).isEqualTo(End.Reason.PROTOCOL_ERROR);
      }
    }
  }

  @Test
  void anAcknowledgementOfBytesAloneSaysNothingOfTheLog() throws Exception {
    primary.gate.needed = 0;
    primary.commit();
    try (RawReplica raw = new RawReplica(primary.portNumber())) {
      long epoch = raw.greet().epoch();
      raw.send(new Positions(epoch, List.of(), false));
      raw.receive();
      Txid one = new Txid(1);
      raw.send(new Ack(1, epoch, one, one, one, 0));
      until("the acknowledgement", () -> primary.peer().durable(TestPrimary.NAME) == 1);
      raw.send(Ack.ofBytes(1, epoch, 0));
      until("its end", () -> primary.peer().durable(TestPrimary.NAME) == -1);
      assertThat(primary.peer().isResynchronising()).isTrue();
    }
  }

  @Test
  void withAsyncARecordCarriesItsCommitPositionAndNoFrameFollows() throws Exception {
    try (TestPrimary async = new TestPrimary(directory.resolve("async"), CommitMode.ASYNC)) {
      async.commit();
      try (RawReplica raw = new RawReplica(async.portNumber())) {
        raw.send(new Positions(raw.greet().epoch(), List.of(), false));
        List<FrameType> types = new ArrayList<>();
        while (types.size() < 6) {
          if (types.size() == 2 || types.size() == 4) {
            async.commit();
          }
          Frame frame = raw.receive();
          types.add(frame.type());
          if (frame instanceof RecordChunk chunk) {
            assertThat(chunk.commitTxid()).isGreaterThanOrEqualTo(chunk.txid());
          }
        }
        assertThat(types).doesNotContain(FrameType.COMMIT_POSITION);
        assertThat(types).contains(FrameType.RECORD_CHUNK, FrameType.HEARTBEAT);
      }
    }
  }
}
