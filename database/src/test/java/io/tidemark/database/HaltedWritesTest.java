package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A replica commits through the primary, without mount and network between them. */
class HaltedWritesTest {
  private static final String NAME = "app.db";

  @TempDir Path directory;

  private final Random random = new Random(17);
  private ReplicaBench bench;
  private byte[] image;
  private Database primary;
  private Database replica;

  /** What happens to a transaction on its way. */
  private interface Way {
    void forward(Path ltx, LogPosition base) throws IOException;
  }

  private Way way;

  @BeforeEach
  void start() throws Exception {
    bench = new ReplicaBench(directory);
    image = SqliteSimulator.image(random, 4096, 5, false);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    bench.follow(NAME);
    bench.replica.store.followEpoch(bench.primary.store.epoch());
    primary = bench.primary.store.get(NAME);
    replica = bench.onReplica(NAME);
    way = (ltx, base) -> primary.commitForHolder(ltx, base, Duration.ZERO);
    assertThat(primary.tryHalt()).isTrue();
    forward();
  }

  private void forward() {
    replica.forwardTo(
        new Forwarder() {
          @Override
          public void check() {}

          @Override
          public CompletableFuture<Void> forward(Path ltx, LogPosition base, long epoch) {
            CompletableFuture<Void> answer = new CompletableFuture<>();
            Runnable sending =
                () -> {
                  try {
                    way.forward(ltx, base);
                    answer.complete(null);
                  } catch (RefusedException e) {
                    answer.completeExceptionally(e);
                  } catch (IOException e) {
                    answer.completeExceptionally(new RefusedException(Kind.IO, e.getMessage(), e));
                  } catch (Throwable e) {
                    answer.completeExceptionally(e);
                  }
                };
            new Thread(sending, "sending").start();
            return answer;
          }
        });
  }

  @AfterEach
  void end() {
    bench.close();
  }

  private byte[] next(int pages) {
    return SqliteSimulator.next(random, image, 4096, pages, false, 3);
  }

  private void commitOnReplica(byte[] after, Finalise how) throws IOException {
    new SqliteSimulator(bench.replica.store, NAME, random).commitJournaled(image, after, how, true);
  }

  /** The commit fails, and its program rolls back. */
  private Throwable refused(byte[] after) throws IOException {
    SqliteSimulator sqlite = new SqliteSimulator(bench.replica.store, NAME, random);
    sqlite.writeUnderJournal(image, after, true);
    Throwable failure = catchThrowable(() -> sqlite.finalise(Finalise.UNLINK));
    assertThat(failure).isInstanceOf(RefusedException.class);
    sqlite.rollBack(image, after, Finalise.UNLINK);
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
    return failure;
  }

  @Test
  void whatTheReplicaCommitsThePrimaryHasAndTheStreamMayBringItOnceMore() throws Exception {
    for (Finalise how : Finalise.values()) {
      byte[] after = next(4 + random.nextInt(4));
      commitOnReplica(after, how);
      image = after;
      bench.assertSame(NAME);
      assertThat(bench.primary.read(NAME)).isEqualTo(after);
    }
    long tail = replica.replicaLog().received().txid();
    assertThat(tail).isEqualTo(1 + Finalise.values().length);
    for (ReplicaBench.Travelling record : bench.recordsAfter(NAME, 1)) {
      ReplicaBench.take(replica.replicaLog(), bench.primary.store.epoch(), record, 7);
    }
    assertThat(replica.replicaLog().received().txid()).isEqualTo(tail);
    replica.stopForwarding();
    primary.endHalt();
    byte[] after = next(5);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  /** The record that the primary has beyond what the replica shows. */
  private ReplicaBench.Travelling coming() throws IOException {
    return bench.recordsAfter(NAME, replica.position().txid()).get(0);
  }

  private void awaitOnDisk(LogPosition received) throws IOException {
    assertThat(received.txid()).isEqualTo(replica.position().txid() + 1);
    replica.replicaLog().awaitDurable(received.txid());
  }

  @Test
  @Timeout(60)
  void thePrimaryMayWaitUntilTheHolderHasTheTransactionFromTheStream() throws Exception {
    for (Finalise how : Finalise.values()) {
      way =
          (ltx, base) -> {
            primary.commitForHolder(ltx, base, Duration.ZERO);
            long epoch = bench.primary.store.epoch();
            awaitOnDisk(ReplicaBench.take(replica.replicaLog(), epoch, coming(), 100, base.txid()));
            replica.committedUpTo(epoch, base.txid());
          };
      byte[] after = next(4 + random.nextInt(4));
      commitOnReplica(after, how);
      image = after;
      bench.assertSame(NAME);
      assertThat(replica.commitTxid()).isEqualTo(primary.position().txid());
    }
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  @Timeout(60)
  void anAnswerThatComesWhileTheStreamBringsTheRecordWaitsForIt() throws Exception {
    CompletableFuture<LogPosition> received = new CompletableFuture<>();
    way =
        (ltx, base) -> {
          primary.commitForHolder(ltx, base, Duration.ZERO);
          ReplicaBench.Travelling record = coming();
          ReplicaLog log = replica.replicaLog();
          byte[] bytes = record.ltx();
          long txid = record.txid();
          log.begin(bench.primary.store.epoch(), record.epoch(), txid, null, bytes.length, txid);
          log.write(ByteBuffer.wrap(bytes, 0, 200));
          new Thread(
                  () -> {
                    try {
                      Thread.sleep(100); // the answer overtakes it
                      log.write(ByteBuffer.wrap(bytes, 200, bytes.length - 200));
                      received.complete(log.finish());
                    } catch (IOException | InterruptedException e) {
                      received.completeExceptionally(e);
                    }
                  })
              .start();
        };
    byte[] after = next(6);
    commitOnReplica(after, Finalise.UNLINK);
    assertThat(received.join().txid()).isEqualTo(primary.position().txid());
    bench.assertSame(NAME);
    bench.primary.crash();
    bench.replica.crash();
    assertThat(bench.replica.read(NAME)).isEqualTo(after);
    bench.assertSame(NAME);
  }

  @Test
  @Timeout(60)
  void aStreamThatIsCutWhileItBringsTheRecordIsNotWaitedFor() throws Exception {
    way =
        (ltx, base) -> {
          primary.commitForHolder(ltx, base, Duration.ZERO);
          ReplicaBench.Travelling record = coming();
          ReplicaLog log = replica.replicaLog();
          log.begin(
              bench.primary.store.epoch(), record.epoch(), record.txid(), null, 100_000_000, 0);
          log.write(ByteBuffer.allocate(2_000_000));
          log.abort();
        };
    byte[] after = next(6);
    commitOnReplica(after, Finalise.UNLINK);
    bench.assertSame(NAME);
    bench.replica.crash();
    bench.assertSame(NAME);
  }

  @Test
  void aRecordFromTheStreamStaysWhenTheAnswerIsLost() throws Exception {
    byte[] after = next(5);
    way =
        (ltx, base) -> {
          primary.commitForHolder(ltx, base, Duration.ZERO);
          long epoch = bench.primary.store.epoch();
          awaitOnDisk(ReplicaBench.take(replica.replicaLog(), epoch, coming(), 100, base.txid()));
          throw new IOException("the line is dead");
        };
    refused(after);
    replica.stopForwarding();
    replica.committedUpTo(bench.primary.store.epoch(), primary.position().txid());
    bench.follow(NAME);
    assertThat(bench.replica.read(NAME)).isEqualTo(after);
    bench.assertSame(NAME);
  }

  @Test
  void bothHaveItAfterARestart() throws Exception {
    byte[] after = next(6);
    commitOnReplica(after, Finalise.TRUNCATE);
    bench.primary.crash();
    bench.replica.crash();
    assertThat(bench.primary.read(NAME)).isEqualTo(after);
    bench.assertSame(NAME);
  }

  @Test
  void ifThePrimaryRefusesNothingIsLeftOnEitherSide() throws Exception {
    DatabasePosition before = primary.position();
    way =
        (ltx, base) -> {
          throw new RefusedException(Kind.READ_ONLY, "no");
        };
    refused(next(5));
    replica.stopForwarding();
    assertThat(replica.replicaLog().received().txid()).isEqualTo(before.txid());
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
    bench.assertSame(NAME);
  }

  @Test
  void ifTheAnswerIsLostTheStreamBringsWhatThePrimaryHas() throws Exception {
    byte[] after = next(5);
    way =
        (ltx, base) -> {
          primary.commitForHolder(ltx, base, Duration.ZERO);
          throw new IOException("the line is dead");
        };
    refused(after);
    replica.stopForwarding();
    bench.follow(NAME);
    assertThat(bench.replica.read(NAME)).isEqualTo(after);
    bench.assertSame(NAME);
  }

  @Test
  void aDamagedTransactionLeavesNoTrace() throws Exception {
    DatabasePosition before = primary.position();
    Throwable[] damaged = {null};
    for (int part = 0; part < 40; part++) {
      int piece = part;
      way =
          (ltx, base) -> {
            byte[] bytes = Files.readAllBytes(ltx);
            bytes[bytes.length * piece / 40] ^= 1;
            Files.write(ltx, bytes);
            damaged[0] = catchThrowable(() -> primary.commitForHolder(ltx, base, Duration.ZERO));
            throw new IOException("damaged");
          };
      refused(next(5));
      assertThat(damaged[0]).as("byte in part %s of 40", piece).isInstanceOf(IOException.class);
      damaged[0] = null;
      assertThat(primary.position()).isEqualTo(before);
    }
    assertThat(bench.primary.read(NAME)).isEqualTo(image);
    primary.endHalt();
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, next(5), Finalise.UNLINK, true);
    bench.follow(NAME);
    bench.assertSame(NAME);
  }

  @Test
  void aTransactionOnAnotherBaseOrWithoutHaltIsRefused() throws Exception {
    DatabasePosition before = primary.position();
    way =
        (ltx, base) ->
            primary.commitForHolder(
                ltx,
                new LogPosition(base.epoch(), base.txid(), base.checksum() ^ 1),
                Duration.ZERO);
    assertThat(refused(next(5))).hasMessageContaining("builds on");
    primary.endHalt();
    way = (ltx, base) -> primary.commitForHolder(ltx, base, Duration.ZERO);
    assertThat(refused(next(5))).hasMessageContaining("nobody holds");
    assertThat(primary.position()).isEqualTo(before);
  }

  @Test
  void thePrimarysOwnProgramsCannotCommitMeanwhile() throws Exception {
    byte[] after = next(5);
    assertThatThrownBy(
            () ->
                new SqliteSimulator(bench.primary.store, NAME, random)
                    .commitJournaled(image, after, Finalise.UNLINK, true))
        .isInstanceOfSatisfying(
            RefusedException.class, e -> assertThat(e.kind()).isEqualTo(Kind.BUSY));
    assertThatThrownBy(() -> bench.primary.store.drop(NAME)).isInstanceOf(RefusedException.class);
    assertThatThrownBy(() -> bench.replica.store.drop(NAME)).isInstanceOf(RefusedException.class);
    assertThat(replica.exists()).isTrue();
  }
}
