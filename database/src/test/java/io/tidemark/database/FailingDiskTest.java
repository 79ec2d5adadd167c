package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.DatabaseStatus.Health;
import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Disks that fail now and then, or are full: nothing is promised wrongly, nothing is lost. */
class FailingDiskTest {
  @TempDir Path directory;

  private final Random random = new Random(5);
  private TestStore bench;
  private SqliteSimulator sqlite;
  private byte[] image = new byte[0];

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    commit(20, true);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private void commit(int pages, boolean sync) throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 512, pages, false, 3);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, sync);
    image = after;
  }

  /** A commit that must fail, and the rollback that SQLite does then. */
  private RefusedException refusedCommit() throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 512, 25, false, 3);
    RefusedException refused = null;
    try {
      sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    } catch (RefusedException e) {
      refused = e;
    }
    assertThat(refused).isNotNull();
    sqlite.rollBack(image, after, Finalise.UNLINK);
    return refused;
  }

  private DatabaseStatus status() {
    return bench.store.get("a").status();
  }

  /** What is seen now, and after a crash and a power loss, is the image; the log says so too. */
  private void assertKept() throws IOException {
    assertThat(bench.read("a")).isEqualTo(image);
    bench.crash();
    assertThat(bench.read("a")).isEqualTo(image);
    bench.powerLoss(random);
    assertThat(bench.read("a")).isEqualTo(image);
    List<LogFold.Image> images = LogFold.fold(bench.root, "a");
    assertThat(images.get(images.size() - 1).bytes()).isEqualTo(image);
    sqlite = new SqliteSimulator(bench.store, "a", random);
    commit(10, true);
    assertThat(bench.powerLoss(random).read("a")).isEqualTo(image);
    sqlite = new SqliteSimulator(bench.store, "a", random);
  }

  @Test
  void oneFailedSyncIsHealedByASecondCopy() throws Exception {
    bench.disk.failOnce(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    commit(30, true);
    assertThat(bench.disk.faultsHit()).isEqualTo(1);
    assertThat(status().health()).isEqualTo(Health.OK);
    commit(10, true);
    assertKept();
  }

  @Test
  void aSecondSyncAfterAFailedOneProvesNothing() throws Exception {
    commit(30, false);
    Database database = bench.store.get("a");
    long txid = database.position().txid();
    bench.disk.failOnce(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    AtomicReference<Throwable> other = new AtomicReference<>();
    java.util.concurrent.CountDownLatch failed = new java.util.concurrent.CountDownLatch(1);
    bench.disk.afterFailedSync(failed::countDown);
    Thread thread =
        new Thread(
            () -> {
              try {
                database.awaitDurable(txid);
              } catch (Throwable e) {
                other.set(e);
              }
            });
    // With the lock held here the other thread cannot go on to write the records again.
    database.lock.lock();
    try {
      thread.start();
      assertThat(failed.await(10, TimeUnit.SECONDS)).isTrue();
      database.awaitDurable(txid);
      assertThat(database.isDurable(txid)).isTrue();
      LogFold.Image last = lastOf(LogFold.fold(bench.root, "a"));
      assertThat(
              bench.disk.isDurable(
                  LogSegment.pathOf(bench.logDirectory("a"), last.segment()), 0, last.end()))
          .as("the record is on the medium")
          .isTrue();
    } finally {
      database.lock.unlock();
    }
    thread.join(10_000);
    assertThat(other.get()).isNull();
    assertKept();
  }

  private static <T> T lastOf(List<T> list) {
    return list.get(list.size() - 1);
  }

  @Test
  void aSegmentPreparedBeforeAFailedSyncDoesNotHideLaterTransactions() throws Exception {
    while (bench.store.get("a").status().logSegments() < 2 && preparedFiles() < 2) {
      image = grow();
      bench.settle();
    }
    bench.disk.failOnce(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    image = grow();
    for (int i = 0; i < 25; i++) {
      image = grow();
    }
    assertKept();
  }

  private long preparedFiles() throws IOException {
    try (var files = Files.list(bench.logDirectory("a"))) {
      return files.count();
    }
  }

  private byte[] grow() throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 512, 250, false, 200);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    return after;
  }

  @Test
  void aCommitWhoseSyncKeepsFailingIsRolledBackAndTheLogHealsLater() throws Exception {
    bench.disk.failFrom(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    long txid = status().txid();
    assertThat(refusedCommit().kind()).isEqualTo(RefusedException.Kind.IO);
    assertThat(status().txid()).isEqualTo(txid);
    assertThat(status().health()).isEqualTo(Health.READ_ONLY);
    assertThat(status().problem()).contains(FaultyDisk.EIO);
    assertThat(bench.read("a")).isEqualTo(image);
    assertThat(LogFold.fold(bench.root, "a")).hasSize((int) txid);
    assertThat(refusedCommit().kind()).isEqualTo(RefusedException.Kind.IO);
    bench.disk.heal();
    bench.upkeepUntil(() -> status().health() == Health.OK);
    commit(40, true);
    assertThat(status().txid()).isEqualTo(txid + 1);
    assertKept();
  }

  @Test
  void anUnsyncedTransactionThatWasShownSurvivesAFencedLog() throws Exception {
    commit(30, false);
    bench.disk.failFrom(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    bench.upkeep();
    assertThat(status().health()).isEqualTo(Health.READ_ONLY);
    assertThat(bench.read("a")).isEqualTo(image);
    refusedCommit();
    bench.disk.heal();
    bench.upkeepUntil(() -> status().health() == Health.OK);
    assertKept();
  }

  @ParameterizedTest
  @EnumSource(
      value = Call.class,
      names = {"OPEN", "WRITE", "SYNC", "SYNC_DIRECTORY", "READ", "TRUNCATE", "DELETE"})
  void aDiskThatFailsFromAnyCallOnAndWorksAgainHasLostNothing(Call call) throws Exception {
    for (int nth = 1; nth <= 6; nth++) {
      for (String text : List.of(FaultyDisk.EIO, FaultyDisk.ENOSPC)) {
        bench.disk.failFrom(call, FaultyDisk.of("a"), nth, text);
        byte[] before = image;
        byte[] after = SqliteSimulator.next(random, before, 512, 22 + nth, false, 3);
        boolean committed = false;
        try {
          sqlite.commitJournaled(before, after, Finalise.UNLINK, true);
          committed = true;
        } catch (RefusedException e) {
          assertThat(bench.store.get("a").failure()).isNull();
        }
        bench.disk.heal();
        if (!committed) {
          sqlite.rollBack(before, after, Finalise.UNLINK);
        }
        image = committed ? after : before;
        bench.upkeepUntil(() -> status().health() == Health.OK);
        assertThat(bench.read("a")).as(call + " " + nth).isEqualTo(image);
        commit(20, true);
        assertThat(lastOf(LogFold.fold(bench.root, "a")).bytes()).isEqualTo(image);
      }
    }
    assertKept();
  }

  @Test
  void aFullDiskAtTheAppendRefusesTheCommitAndLeavesNoRecord() throws Exception {
    long txid = status().txid();
    bench.disk.failFrom(Call.WRITE, FaultyDisk.segments(), 1, FaultyDisk.ENOSPC);
    assertThat(refusedCommit().kind()).isEqualTo(RefusedException.Kind.NO_SPACE);
    assertThat(status().txid()).isEqualTo(txid);
    bench.disk.heal();
    commit(10, true);
    assertKept();
  }

  @Test
  void aRecordWhoseWriteFailedAfterItsBytesWereThereIsNotFoundLater() throws Exception {
    long txid = status().txid();
    bench.disk.failAfterwards(Call.WRITE, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    refusedCommit();
    assertThat(bench.crash().read("a")).isEqualTo(image);
    assertThat(status().txid()).isEqualTo(txid);
  }

  @Test
  void aFullDiskAtTheDatabaseFileKeepsCommittedPagesAndStopsWrites() throws Exception {
    bench.disk.failFrom(Call.WRITE, FaultyDisk.named("database"), 2, FaultyDisk.ENOSPC);
    commit(60, true); // its record is durable, so it is committed
    assertThat(bench.read("a")).isEqualTo(image);
    assertThat(status().health()).isEqualTo(Health.READ_ONLY);
    assertThat(status().problem()).contains(FaultyDisk.ENOSPC);
    assertThat(refusedCommit().kind()).isEqualTo(RefusedException.Kind.NO_SPACE);
    assertThat(bench.read("a")).isEqualTo(image);
    bench.disk.heal();
    bench.upkeepUntil(() -> status().health() == Health.OK);
    assertThat(Files.readAllBytes(bench.databaseFile("a"))).isEqualTo(image);
    commit(10, true);
    assertKept();
  }

  @Test
  void aFailedSyncOfTheDatabaseFileNeverMovesTheRedoPoint() throws Exception {
    for (int round = 0; round < 8; round++) {
      commit(20, true);
      bench.disk.failOnce(Call.SYNC, FaultyDisk.named("database"), 1, FaultyDisk.EIO);
      assertThatThrownBy(() -> bench.store.get("a").checkpoint()).isInstanceOf(IOException.class);
      try {
        bench.store.get("a").checkpoint(); // "succeeds", but the pages are not on the medium
      } catch (IOException e) {
        // also fine
      }
      assertThat(bench.powerLoss(random).read("a")).isEqualTo(image);
      sqlite = new SqliteSimulator(bench.store, "a", random);
    }
    bench.store.get("a").checkpoint();
    assertKept();
  }

  @Test
  void aCheckpointThatCannotBeWrittenChangesNothing() throws Exception {
    for (Call call : List.of(Call.WRITE, Call.SYNC, Call.RENAME, Call.OPEN)) {
      commit(20, true);
      bench.disk.failOnce(
          call, path -> path.toString().contains("checkpoint"), 1, FaultyDisk.ENOSPC);
      assertThatThrownBy(() -> bench.store.get("a").checkpoint()).isInstanceOf(IOException.class);
      bench.disk.heal();
      assertKept();
    }
  }

  @Test
  void anImportThatCannotBePutInPlaceIsThereAfterARestart() throws Exception {
    byte[] imported = SqliteSimulator.image(random, 1024, 7, false);
    Path file = Files.write(directory.resolve("in.db"), imported);
    bench.disk.failOnce(Call.RENAME, FaultyDisk.named("database"), 1, FaultyDisk.EIO);
    assertThatThrownBy(() -> bench.store.importDatabase("a", file)).isInstanceOf(IOException.class);
    byte[] after = SqliteSimulator.next(random, image, 512, 25, false, 3);
    assertThatThrownBy(() -> sqlite.commitJournaled(image, after, Finalise.UNLINK, true))
        .as("a commit on the old image")
        .isInstanceOf(RefusedException.class);
    bench.crash();
    image = imported;
    assertThat(bench.read("a")).isEqualTo(imported);
    assertThat(lastOf(LogFold.fold(bench.root, "a")).bytes()).isEqualTo(imported);
  }

  @Test
  void aGroupThatFailsInOneMemberCommitsInNone() throws Exception {
    SqliteSimulator other = new SqliteSimulator(bench.store, "b", random);
    byte[] b = SqliteSimulator.image(random, 512, 5, false);
    other.commitJournaled(new byte[0], b, Finalise.UNLINK, true);
    byte[] afterA = SqliteSimulator.next(random, image, 512, 22, false, 3);
    byte[] afterB = SqliteSimulator.next(random, b, 512, 6, false, 3);
    sqlite.writeUnderJournal(image, afterA, true);
    sqlite.nameSuperJournal("/m/x-mj1");
    other.writeUnderJournal(b, afterB, true);
    other.nameSuperJournal("/m/x-mj1");
    bench.disk.failFrom(
        Call.SYNC,
        path -> FaultyDisk.segments().test(path) && FaultyDisk.of("b").test(path),
        1,
        FaultyDisk.EIO);
    assertThatThrownBy(() -> bench.store.commitGroup("x-mj1")).isInstanceOf(RefusedException.class);
    bench.disk.heal();
    sqlite.rollBack(image, afterA, Finalise.UNLINK);
    other.rollBack(b, afterB, Finalise.UNLINK);
    bench.upkeepUntil(() -> bench.store.get("b").status().health() == Health.OK);
    // b goes on alone and gets the TXID that the group had
    byte[] alone = SqliteSimulator.next(random, b, 512, 9, false, 3);
    other.commitJournaled(b, alone, Finalise.UNLINK, true);
    bench.powerLoss(random);
    assertThat(bench.read("b")).isEqualTo(alone);
    assertKept();
  }

  @Test
  void otherDatabasesGoOnWhenOneLogFails() throws Exception {
    bench.disk.failFrom(Call.SYNC, FaultyDisk.of("a"), 1, FaultyDisk.EIO);
    refusedCommit();
    byte[] b = SqliteSimulator.image(random, 512, 5, false);
    new SqliteSimulator(bench.store, "b", random)
        .commitJournaled(new byte[0], b, Finalise.UNLINK, true);
    assertThat(bench.powerLoss(random).read("b")).isEqualTo(b);
  }

  @Test
  void aTransactionLargerThanMemoryIsKept() throws Exception {
    byte[] large = SqliteSimulator.image(random, 4096, 3000, false);
    SqliteSimulator other = new SqliteSimulator(bench.store, "large", random);
    other.writeUnderJournal(new byte[0], large, true);
    assertThat(bench.read("large")).isEqualTo(large);
    other.rollBack(new byte[0], large, Finalise.UNLINK);
    other.commitJournaled(new byte[0], large, Finalise.UNLINK, false);
    assertThat(Arrays.mismatch(bench.read("large"), large)).isEqualTo(-1);
    bench.upkeep();
    bench.powerLoss(random);
    assertThat(Arrays.mismatch(bench.read("large"), large)).isEqualTo(-1);
  }

  /** Kept for readers: the order of promises in one place. */
  @Test
  void healthIsReportedInWords() throws Exception {
    List<Health> seen = new ArrayList<>();
    seen.add(status().health());
    bench.disk.failFrom(Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    refusedCommit();
    seen.add(status().health());
    bench.disk.heal();
    bench.upkeepUntil(() -> status().health() == Health.OK);
    seen.add(status().health());
    assertThat(seen).containsExactly(Health.OK, Health.READ_ONLY, Health.OK);
  }
}
