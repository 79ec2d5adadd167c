package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import io.tidemark.database.SqliteSimulator.Frame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Commits that count only when other nodes have them, in every way in which programs commit. */
class SyncCommitTest {
  private static final String NAME = "a";

  /** How a transaction is committed. */
  enum Way {
    WAL,
    UNLINK,
    TRUNCATE,
    ZERO_HEADER,
    MEMORY,
    OFF,
    IMPORT,
    DROP;

    boolean isJournaled() {
      return this == UNLINK || this == TRUNCATE || this == ZERO_HEADER;
    }
  }

  @TempDir Path directory;

  private final Random random = new Random(11);
  private final FakeCommitGate gate = new FakeCommitGate();
  private TestStore bench;
  private SqliteSimulator sqlite;
  private byte[] image;
  private byte[] after;

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory).with(gate).open();
    sqlite = new SqliteSimulator(bench.store, NAME, random);
    image = SqliteSimulator.image(random, 512, 5, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, false);
    bench.upkeep(); // it is known on the disk that this is committed
  }

  @AfterEach
  void close() {
    FaultPoint.disarm();
    bench.close();
  }

  private Database db() {
    return bench.store.get(NAME);
  }

  // ------------------------------------------------------------- the commits

  /** Everything up to the commit. */
  private void prepare(Way way) throws IOException {
    if (way == Way.WAL) {
      byte[] wal = SqliteSimulator.next(random, image, 512, 5, true, 1);
      sqlite.commitJournaled(image, wal, Finalise.UNLINK, true);
      image = wal;
      wal = SqliteSimulator.next(random, image, 512, 6, true, 1);
      sqlite.commitWal(image, wal);
      image = wal;
    }
    after = SqliteSimulator.next(random, image, 512, 7, way == Way.WAL, 2);
    if (way.isJournaled()) {
      sqlite.writeUnderJournal(image, after, random.nextBoolean());
    } else if (way == Way.MEMORY || way == Way.OFF) {
      sqlite.writePages(image, after, 0, 7);
    } else if (way == Way.DROP) {
      after = new byte[0];
    }
    bench.upkeep();
  }

  private void commit(Way way) throws IOException {
    switch (way) {
      case WAL -> sqlite.commitWal(image, after);
      case UNLINK -> sqlite.finalise(Finalise.UNLINK);
      case TRUNCATE -> sqlite.finalise(Finalise.TRUNCATE);
      case ZERO_HEADER -> sqlite.finalise(Finalise.ZERO_HEADER);
      case MEMORY -> db().sync(sqlite.main());
      case OFF -> db().commitIfUnlocked(db().changes());
      case IMPORT ->
          bench.store.importDatabase(NAME, Files.write(directory.resolve("in.db"), after));
      case DROP -> bench.store.drop(NAME);
    }
  }

  /** What SQLite does when its commit has failed. */
  private void rollBack(Way way) throws IOException {
    if (way.isJournaled()) {
      Finalise how = Finalise.values()[way.ordinal() - 1];
      sqlite.rollBack(image, after, how);
    }
  }

  private <T> FutureTask<T> start(Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread thread = new Thread(task, "commit");
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  private FutureTask<Void> startCommit(Way way) {
    FutureTask<Void> task =
        start(
            () -> {
              commit(way);
              return null;
            });
    assertThat(gate.awaitWaiting()).as("the commit waits").isTrue();
    return task;
  }

  private static void join(FutureTask<?> task) throws Exception {
    try {
      task.get(10, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    } catch (TimeoutException e) {
      throw new AssertionError("the commit does not end", e);
    }
  }

  private byte[] exported() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    db().exportTo(Channels.newChannel(out), bytes -> {});
    return out.toByteArray();
  }

  /** What a program that opens the database now would see, uncommitted pages left aside. */
  private byte[] visible() throws IOException {
    return db().exists() ? exported() : new byte[0];
  }

  /** Transactions that SQLite's recovery would find in a WAL file. */
  private int commitsIn(SideFile wal) throws IOException {
    int[] found = {0};
    WalCapture scan =
        new WalCapture(NAME, (first, last, count) -> ++found[0], () -> false, () -> true);
    scan.attach(wal);
    scan.rescan(0);
    // The number of the file's bytes is what was written; a new capture knows nothing of that.
    scan.write(java.nio.ByteBuffer.allocate(0), wal.size(), true, 0);
    return found[0];
  }

  private void doubt(Way way) throws Exception {
    gate.silent().timeout(Duration.ofMillis(20));
    long txid = db().position().txid() + 1;
    assertThatThrownBy(() -> commit(way))
        .isInstanceOfSatisfying(
            RefusedException.class,
            e -> {
              if (way != Way.OFF) {
                assertThat(e.kind()).isEqualTo(Kind.IN_DOUBT);
              }
            })
        .hasMessageContaining("in doubt");
    assertThat(db().inDoubt().firstTxid()).isEqualTo(txid);
    assertThat(db().inDoubt().last().txid()).isEqualTo(txid);
    assertThat(db().status().inDoubt()).isEqualTo(db().inDoubt());
    assertThat(visible()).isEqualTo(image);
    rollBack(way);
    if (way != Way.WAL) {
      assertThat(bench.read(NAME)).isEqualTo(image);
    }
    gate.confirming().timeout(Duration.ofSeconds(30));
  }

  /** One more transaction, in rollback mode after the WAL has gone. */
  private void goOn() throws IOException {
    sqlite = new SqliteSimulator(bench.store, NAME, random);
    byte[] next = SqliteSimulator.next(random, image, 512, 9, false, 2);
    sqlite.commitJournaled(image, next, Finalise.UNLINK, true);
    image = next;
    assertThat(visible()).isEqualTo(image);
  }

  // ------------------------------------------------------------------- tests

  @ParameterizedTest
  @EnumSource(Way.class)
  void nothingIsVisibleBeforeTheOtherNodesHaveIt(Way way) throws Exception {
    prepare(way);
    gate.silent();
    DatabasePosition before = db().position();
    int[] heard = {0};
    bench.store.addCommitListener(database -> heard[0]++);
    int commits = way == Way.WAL ? commitsIn(db().wal()) : 0;
    FutureTask<Void> commit = startCommit(way);
    assertThat(db().position()).isEqualTo(before);
    assertThat(visible()).isEqualTo(image);
    assertThat(heard[0]).isZero();
    assertThat(db().inDoubt()).isNull();
    assertThat(db().isBusy()).as("whoever would change it waits").isTrue();
    assertThat(db().appended().txid()).isEqualTo(before.txid() + 1);
    assertThat(db().commitTxid()).isEqualTo(before.txid());
    if (way == Way.WAL) {
      assertThat(commitsIn(db().wal())).isEqualTo(commits);
    }
    bench.upkeep();
    assertThat(Files.readAllBytes(bench.databaseFile(NAME)).length).isLessThanOrEqualTo(5 * 512);
    assertThat(commit.isDone()).isFalse();
    db().committedUpTo(bench.store.epoch(), before.txid() + 1);
    join(commit);
    assertThat(db().position().txid()).isEqualTo(before.txid() + 1);
    assertThat(db().commitTxid()).isEqualTo(before.txid() + 1);
    assertThat(visible()).isEqualTo(after);
    if (way == Way.WAL) {
      assertThat(commitsIn(db().wal())).isGreaterThan(commits);
      assertThat(sqlite.visible()).isEqualTo(after);
    }
    assertThat(heard[0]).isEqualTo(1);
    assertThat(db().isBusy()).isFalse();
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void aRefusedCommitLeavesNothing(Way way) throws Exception {
    prepare(way);
    int offers = gate.offers().size();
    LogPosition end = db().appended();
    byte[] log = Files.readAllBytes(bench.lastSegment(NAME));
    gate.refuse(Kind.BUSY);
    assertThatThrownBy(() -> commit(way)).isInstanceOf(RefusedException.class);
    if (way == Way.OFF) {
      db().discardUncommitted(); // it would be tried again
    }
    rollBack(way);
    gate.refuse(null);
    assertThat(gate.offers()).hasSize(offers);
    assertThat(db().appended()).isEqualTo(end);
    assertThat(db().inDoubt()).isNull();
    assertThat(Files.readAllBytes(bench.lastSegment(NAME))).isEqualTo(log);
    assertThat(visible()).isEqualTo(image);
    if (way == Way.WAL) {
      sqlite.leaveWal();
    }
    goOn();
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void whatWasInDoubtIsShownWhenItIsCommittedAfterAll(Way way) throws Exception {
    prepare(way);
    doubt(way);
    long txid = db().inDoubt().last().txid();
    assertThatThrownBy(() -> bench.store.drop(NAME))
        .isInstanceOfSatisfying(
            RefusedException.class, e -> assertThat(e.kind()).isIn(Kind.BUSY, Kind.IO));
    db().committedUpTo(bench.store.epoch(), txid);
    assertThat(db().inDoubt()).as("before it is settled").isNotNull();
    assertThat(db().settleCommitted(txid)).isTrue();
    assertThat(db().settleCommitted(txid)).isTrue();
    assertThat(db().inDoubt()).isNull();
    assertThat(db().position().txid()).isEqualTo(txid);
    assertThat(visible()).isEqualTo(after);
    assertThat(bench.read(NAME)).isEqualTo(after);
    image = after;
    goOn();
    assertThat(db().position().txid()).isEqualTo(txid + 1);
    bench.reopenCleanly();
    assertThat(bench.read(NAME)).isEqualTo(image);
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void whatWasInDoubtIsCutOffInALaterEpoch(Way way) throws Exception {
    prepare(way);
    doubt(way);
    LogPosition doubtful = db().inDoubt().last();
    long stays = doubtful.txid() - 1;
    assertThatThrownBy(() -> db().cutAfter(stays)).hasMessageContaining("later");
    bench.store.becomePrimary(bench.store.epoch() + 1);
    assertThat(db().inDoubt().last()).isEqualTo(doubtful);
    assertThatThrownBy(() -> db().cutAfter(stays - 1)).isInstanceOf(RefusedException.class);
    RecordReader reader = db().appendedAfter(stays);
    assertThat(reader.next()).isTrue();
    db().cutAfter(stays);
    db().cutAfter(stays);
    assertThatThrownBy(reader::next).isInstanceOf(ReadingEndedException.class);
    assertThat(db().inDoubt()).isNull();
    assertThat(db().appended().txid()).isEqualTo(stays);
    assertThat(visible()).isEqualTo(image);
    if (way == Way.WAL) {
      sqlite.leaveWal();
    }
    goOn();
    assertThat(db().position().txid()).isEqualTo(stays + 1);
    assertThat(db().position().epoch()).isGreaterThan(doubtful.epoch());
    bench.upkeep();
    bench.crash();
    assertThat(bench.read(NAME)).isEqualTo(image);
    bench.powerLoss(random);
    assertThat(bench.read(NAME)).isEqualTo(image);
  }

  @Test
  void whileACommitWaitsOthersReadAndOtherDatabasesCommit() throws Exception {
    prepare(Way.WAL);
    long before = db().position().txid();
    gate.silent();
    FutureTask<Void> commit = startCommit(Way.WAL);
    FutureTask<Void> others =
        start(
            () -> {
              try (RecordReader appended = db().appendedAfter(before);
                  RecordReader published = db().recordsAfter(before)) {
                assertThat(appended.next()).isTrue();
                assertThat(appended.txid()).isEqualTo(before + 1);
                assertThat(published.next()).isFalse();
              }
              db().status();
              db().positionAt(1);
              sqlite.checkpoint(sqlite.frames());
              gate.async();
              byte[] other = SqliteSimulator.image(random, 512, 3, false);
              new SqliteSimulator(bench.store, "b", random)
                  .commitJournaled(new byte[0], other, Finalise.UNLINK, true);
              gate.sync();
              assertThat(bench.read("b")).isEqualTo(other);
              return null;
            });
    join(others);
    assertThat(commit.isDone()).isFalse();
    db().committedUpTo(bench.store.epoch(), before + 1);
    join(commit);
  }

  @Test
  void aWriteThatTheKernelRepeatsAfterTheDoubtIsRefusedAndAfterTheCutCommits() throws Exception {
    prepare(Way.WAL);
    List<Frame> frames = sqlite.framesOf(image, after);
    var bytes = sqlite.encodeAll(frames);
    long at = sqlite.frameOffset(sqlite.frames());
    int half = bytes.limit() - 200;
    db().writeWal(sqlite.wal(), bytes.slice(0, half), at);
    gate.silent().timeout(Duration.ofMillis(20));
    assertThatThrownBy(() -> db().writeWal(sqlite.wal(), bytes.slice(half, 200), at + half))
        .hasMessageContaining("in doubt");
    gate.confirming();
    long txid = db().inDoubt().last().txid();
    assertThatThrownBy(() -> db().writeWal(sqlite.wal(), bytes.slice(half, 200), at + half))
        .isInstanceOfSatisfying(
            RefusedException.class, e -> assertThat(e.kind()).isIn(Kind.BUSY, Kind.IO));
    bench.store.becomePrimary(bench.store.epoch() + 1);
    db().cutAfter(txid - 1);
    db().writeWal(sqlite.wal(), bytes.slice(half, 200), at + half);
    db().writeWal(sqlite.wal(), bytes.slice(half, 200), at + half);
    sqlite.accept(frames);
    assertThat(db().position().txid()).isEqualTo(txid);
    assertThat(sqlite.visible()).isEqualTo(after);
  }

  @ParameterizedTest
  @EnumSource(
      value = Way.class,
      names = {"WAL", "UNLINK", "MEMORY"})
  void aPrimaryThatStepsDownEndsTheWaitInDoubt(Way way) throws Exception {
    prepare(way);
    gate.silent();
    FutureTask<Void> commit = startCommit(way);
    bench.store.becomeReplica();
    assertThatThrownBy(() -> join(commit)).hasMessageContaining("not primary any more");
    assertThat(db().inDoubt()).as("a replica leaves it to its primary").isNull();
    long tail = db().appended().txid();
    assertThat(db().applier().apply(tail).txid()).isEqualTo(tail - 1);
    assertThat(visible()).isEqualTo(image);
    db().committedUpTo(bench.store.epoch(), tail);
    assertThat(db().applier().apply(tail).txid()).isEqualTo(tail);
    assertThat(visible()).isEqualTo(after);
  }

  @ParameterizedTest
  @EnumSource(
      value = Way.class,
      names = {"WAL", "UNLINK", "MEMORY", "OFF"})
  void aLeaseThatEndedMeanwhileIsNoticedBeforeTheAnswer(Way way) throws Exception {
    prepare(way);
    gate.holds(false);
    assertThatThrownBy(() -> commit(way)).hasMessageContaining("in doubt");
    assertThat(visible()).isEqualTo(image);
    gate.holds(true);
    rollBack(way);
    assertThat(db().settleCommitted(db().inDoubt().last().txid())).isTrue();
    assertThat(visible()).isEqualTo(after);
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void inAsyncModeALeaseThatEndedMeanwhileRefusesTheCommit(Way way) throws Exception {
    gate.async();
    prepare(way);
    gate.holds(false);
    LogPosition end = db().appended();
    assertThatThrownBy(() -> commit(way))
        .isInstanceOfSatisfying(
            RefusedException.class, e -> assertThat(e.kind()).isEqualTo(Kind.READ_ONLY));
    rollBack(way);
    gate.holds(true);
    assertThat(db().appended()).isEqualTo(end);
    assertThat(visible()).isEqualTo(image);
    bench.crash();
    assertThat(bench.read(NAME)).isEqualTo(image);
  }

  @ParameterizedTest
  @EnumSource(Way.class)
  void afterACrashWhatNobodyWroteDownAsCommittedIsInDoubtAndShownNowhere(Way way) throws Exception {
    prepare(way);
    commit(way);
    long txid = db().position().txid();
    boolean wasKept = way == Way.IMPORT || way == Way.DROP;
    bench.crash();
    if (wasKept) {
      assertThat(db().inDoubt()).isNull();
      assertThat(bench.read(NAME)).isEqualTo(after);
      return;
    }
    assertThat(db().failure()).isNull();
    assertThat(db().position().txid()).isEqualTo(txid - 1);
    assertThat(db().inDoubt().last().txid()).isEqualTo(txid);
    assertThat(bench.read(NAME)).isEqualTo(image);
    bench.powerLoss(random);
    assertThat(db().inDoubt().last().txid()).isEqualTo(txid);
    assertThat(bench.read(NAME)).isEqualTo(image);
    assertThat(db().settleCommitted(txid)).isTrue();
    assertThat(bench.read(NAME)).isEqualTo(after);
    bench.upkeep();
    bench.crash();
    assertThat(db().inDoubt()).as("written down").isNull();
    assertThat(bench.read(NAME)).isEqualTo(after);
  }

  @Test
  void aLogThatCannotBeSyncedLeavesTheCommitInDoubt() throws Exception {
    prepare(Way.TRUNCATE);
    bench.disk.failFrom(FaultyDisk.Call.SYNC, FaultyDisk.segments(), 1, FaultyDisk.EIO);
    assertThatThrownBy(() -> commit(Way.TRUNCATE)).hasMessageContaining("in doubt");
    rollBack(Way.TRUNCATE);
    bench.disk.heal();
    assertThat(visible()).isEqualTo(image);
    long txid = db().inDoubt().last().txid();
    bench.upkeepUntil(() -> db().appendedDurable() == txid);
    assertThat(db().settleCommitted(txid)).isTrue();
    assertThat(visible()).isEqualTo(after);
  }

  @ParameterizedTest
  @EnumSource(
      value = FaultPoint.class,
      names = {
        "COMMIT_BEFORE_APPEND",
        "COMMIT_OFFERED",
        "COMMIT_BEFORE_SYNC",
        "COMMIT_AFTER_SYNC",
        "COMMIT_CONFIRMED",
        "COMMIT_POSITION_WRITTEN",
        "CUT_BEFORE_SYNC",
        "CUT_DURABLE"
      })
  void aDeathAtAnyStepLeavesTheTransactionShownOrInDoubtOrNowhere(FaultPoint point)
      throws Exception {
    for (Way way : new Way[] {Way.WAL, Way.UNLINK, Way.MEMORY, Way.IMPORT}) {
      for (boolean power : new boolean[] {false, true}) {
        close();
        bench =
            new TestStore(Files.createDirectory(directory.resolve(way + "-" + power)))
                .with(gate)
                .open();
        sqlite = new SqliteSimulator(bench.store, NAME, random);
        image = SqliteSimulator.image(random, 512, 5, false);
        sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
        bench.upkeep();
        dieAt(point, way, power);
      }
    }
  }

  private static final class Died extends Error {
    private static final long serialVersionUID = 1;
  }

  private void dieAt(FaultPoint point, Way way, boolean power) throws Exception {
    prepare(way);
    long before = db().position().txid();
    boolean cut = point.name().startsWith("CUT");
    if (cut) {
      doubt(way);
      bench.store.becomePrimary(bench.store.epoch() + 1);
    }
    FaultPoint.arm(
        point,
        1,
        () -> {
          bench.disk.die();
          throw new Died();
        });
    boolean died = false;
    try {
      if (cut) {
        db().cutAfter(before);
      } else {
        commit(way);
        db().upkeep();
      }
    } catch (Died e) {
      died = true;
    }
    assertThat(died).as("%s reaches %s", way, point).isTrue();
    if (power) {
      bench.powerLoss(random);
    } else {
      bench.crash();
    }
    assertThat(db().failure()).isNull();
    InDoubt doubt = db().inDoubt();
    if (doubt != null) {
      assertThat(db().position().txid()).isEqualTo(before);
      assertThat(bench.read(NAME)).isEqualTo(image);
      assertThat(db().settleCommitted(before + 1)).isTrue();
      assertThat(bench.read(NAME)).isEqualTo(after);
      image = after;
    } else {
      boolean shown = db().position().txid() > before;
      assertThat(bench.read(NAME)).isEqualTo(shown ? after : image);
      image = shown ? after : image;
    }
    goOn();
  }

  @Test
  void aReplicaShowsNothingBeyondTheCommitPosition() throws Exception {
    gate.async();
    prepare(Way.UNLINK);
    commit(Way.UNLINK);
    byte[] first = image;
    try (ReplicaBench pair = new ReplicaBench(Files.createDirectory(directory.resolve("pair")))) {
      SqliteSimulator writer = new SqliteSimulator(pair.primary.store, NAME, random);
      writer.commitJournaled(new byte[0], first, Finalise.UNLINK, true);
      pair.follow(NAME);
      pair.primary.with(gate.sync());
      byte[] second = SqliteSimulator.next(random, first, 512, 6, false, 2);
      writer.commitJournaled(first, second, Finalise.UNLINK, true);
      byte[] third = SqliteSimulator.next(random, second, 512, 6, false, 2);
      writer.commitJournaled(second, third, Finalise.UNLINK, true);
      Database replica = pair.onReplica(NAME);
      long epoch = pair.primary.store.epoch();
      for (ReplicaBench.Travelling record : pair.recordsAfter(NAME, 1)) {
        ReplicaBench.take(replica.replicaLog(), epoch, record, 100, record.txid() - 1);
      }
      replica.replicaLog().awaitDurable(3);
      // The third record says that the second is committed.
      assertThat(replica.applier().apply(3).txid()).isEqualTo(2);
      assertThat(pair.replica.read(NAME)).isEqualTo(second);
      for (boolean power : new boolean[] {false, true}) {
        TestStore again = power ? pair.replica.powerLoss(random) : pair.replica.crash();
        assertThat(again.read(NAME)).isEqualTo(second);
        assertThat(again.store.get(NAME).appended().txid()).isEqualTo(3);
      }
      Database later = pair.onReplica(NAME);
      assertThat(later.applier().apply(3).txid()).isEqualTo(2);
      pair.replica.store.becomePrimary(epoch + 1);
      assertThat(pair.replica.read(NAME)).isEqualTo(second);
      assertThat(later.inDoubt().last().txid()).isEqualTo(3);
      assertThat(later.settleCommitted(3)).isTrue();
      assertThat(pair.replica.read(NAME)).isEqualTo(third);
    }
  }

  @Test
  void manyDatabasesCommitAtTheSameTimeAndEachWaitsForItsOwn() throws Exception {
    gate.silent();
    List<FutureTask<Void>> tasks = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String name = "many-" + i;
      tasks.add(
          start(
              () -> {
                Random own = new Random(name.hashCode());
                SqliteSimulator writer = new SqliteSimulator(bench.store, name, own);
                byte[] now = new byte[0];
                for (int round = 1; round <= 20; round++) {
                  byte[] next = SqliteSimulator.next(own, now, 512, 3, false, 2);
                  writer.commitJournaled(now, next, Finalise.UNLINK, own.nextBoolean());
                  now = next;
                  assertThat(bench.read(name)).isEqualTo(now);
                }
                return null;
              }));
    }
    Random order = new Random(5);
    while (!tasks.stream().allMatch(FutureTask::isDone)) {
      Database any = bench.store.get("many-" + order.nextInt(8));
      if (any != null && any.appendedDurable() > any.position().txid()) {
        long txid = any.appended().txid();
        assertThat(any.position().txid()).isGreaterThanOrEqualTo(txid - 1);
        any.committedUpTo(bench.store.epoch(), txid);
      }
      bench.upkeep();
    }
    for (FutureTask<Void> task : tasks) {
      join(task);
    }
  }

  // ------------------------------------------------------------------ groups

  private byte[] b;
  private byte[] afterB;

  private void prepareGroup() throws IOException {
    b = SqliteSimulator.image(random, 512, 4, false);
    new SqliteSimulator(bench.store, "b", random)
        .commitJournaled(new byte[0], b, Finalise.UNLINK, true);
    after = SqliteSimulator.next(random, image, 512, 6, false, 2);
    afterB = SqliteSimulator.next(random, b, 512, 7, false, 2);
    sqlite.writeUnderJournal(image, after, true);
    sqlite.nameSuperJournal("/m/x-mj1");
    SqliteSimulator two = new SqliteSimulator(bench.store, "b", random);
    two.writeUnderJournal(b, afterB, true);
    two.nameSuperJournal("/m/x-mj1");
  }

  @Test
  void aGroupCountsWhenTheOtherNodesHaveAllPartsOfIt() throws Exception {
    prepareGroup();
    gate.silent();
    FutureTask<Void> commit =
        start(
            () -> {
              bench.store.commitGroup("x-mj1");
              return null;
            });
    assertThat(gate.awaitWaiting()).isTrue();
    db().committedUpTo(bench.store.epoch(), 2);
    try (RecordReader reader = bench.store.get("b").appendedAfter(1)) {
      while (!reader.next()) {
        Thread.onSpinWait();
      }
    }
    assertThat(db().commitTxid()).as("what replicas are told").isEqualTo(1);
    assertThat(db().position().txid()).isEqualTo(1);
    assertThat(commit.isDone()).isFalse();
    bench.store.get("b").committedUpTo(bench.store.epoch(), 2);
    join(commit);
    assertThat(visible()).isEqualTo(after);
    assertThat(db().commitTxid()).isEqualTo(2);
    assertThat(bench.store.get("b").position().txid()).isEqualTo(2);
    assertThat(bench.read("b")).isEqualTo(afterB);
  }

  @Test
  void aGroupInDoubtIsSettledAsAWhole() throws Exception {
    prepareGroup();
    gate.silent().timeout(Duration.ofMillis(20));
    assertThatThrownBy(() -> bench.store.commitGroup("x-mj1")).hasMessageContaining("in doubt");
    Database other = bench.store.get("b");
    assertThat(other.inDoubt()).isNotNull();
    assertThat(db().settleCommitted(2)).as("the other part is not known").isFalse();
    assertThat(visible()).isEqualTo(image);
    bench.crash();
    Database again = bench.store.get("b");
    assertThat(again.inDoubt().last().txid()).isEqualTo(2);
    assertThat(db().settleCommitted(2)).isFalse();
    assertThat(again.settleCommitted(2)).isTrue();
    assertThat(db().settleCommitted(2)).isTrue();
    assertThat(visible()).isEqualTo(after);
    assertThat(bench.read("b")).isEqualTo(afterB);
  }

  @Test
  void aGroupOfWhichOnePartWasCutIsNeverShown() throws Exception {
    prepareGroup();
    gate.silent().timeout(Duration.ofMillis(20));
    assertThatThrownBy(() -> bench.store.commitGroup("x-mj1")).hasMessageContaining("in doubt");
    bench.store.becomePrimary(bench.store.epoch() + 1);
    bench.store.get("b").cutAfter(1);
    assertThat(db().settleCommitted(2)).isFalse();
    db().cutAfter(1);
    assertThat(visible()).isEqualTo(image);
    assertThat(db().inDoubt()).isNull();
  }
}
