package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.FaultyDisk.Call;
import io.tidemark.database.SqliteSimulator.Finalise;
import io.tidemark.ltx.Checksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The node of the tests was primary for a while and has transactions that its primary has not. */
class SettingAsideTest {
  private static final String NAME = "orders/app.db";
  private static final String WHY = "node-b has another history\nsince noon";

  @TempDir Path directory;

  private final Random random = new Random(17);
  private ReplicaBench bench;
  private byte[] image = new byte[0];

  @BeforeEach
  void start() throws Exception {
    bench = new ReplicaBench(directory);
    commit(bench.primary, 3);
    commit(bench.primary, 5);
    bench.follow(NAME);
  }

  @AfterEach
  void end() {
    FaultPoint.disarm();
    bench.close();
  }

  private void commit(TestStore on, int pages) throws IOException {
    byte[] after = SqliteSimulator.next(random, image, 4096, pages, false, 2);
    new SqliteSimulator(on.store, NAME, random)
        .commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  /** Transactions 3 to 5, in an epoch of this node. */
  private void diverge() throws IOException {
    Store store = bench.replica.store;
    store.becomePrimary(store.epoch() + 3);
    commit(bench.replica, 6);
    commit(bench.replica, 90);
    commit(bench.replica, 4);
    store.becomeReplica();
  }

  private Database database() {
    return bench.replica.store.get(NAME);
  }

  private List<Divergence> kept() throws IOException {
    return bench.replica.store.divergences();
  }

  private Path divergent() {
    return bench.replica.root.resolve("divergent");
  }

  private List<String> entries() throws IOException {
    return new FileDisk().list(divergent());
  }

  private static void assertDisk(Throwable thrown) {
    assertThat(thrown)
        .isInstanceOfSatisfying(
            ReplicationException.class,
            e -> assertThat(e.kind()).isEqualTo(ReplicationException.Kind.DISK));
  }

  private interface Work {
    void run() throws Exception;
  }

  private static Exception failure(Work work) {
    try {
      work.run();
      return null;
    } catch (Exception e) {
      return e;
    }
  }

  private record Raw(RecordHeader header, ByteBuffer extra, ByteBuffer ltx) {}

  /** The records of a directory of segments, with their headers. */
  private static List<Raw> raw(Path log, LogReader reader, long afterTxid) throws IOException {
    List<Raw> records = new ArrayList<>();
    try (reader) {
      for (LogRecord record = reader.next(); record != null; record = reader.next()) {
        if (record.header().minTxid() > afterTxid) {
          Path segment = LogSegment.pathOf(log, record.segment());
          try (Disk.DiskFile file = new FileDisk().openReadOnly(segment)) {
            SegmentReader segments = new SegmentReader(file);
            RecordHeader header = segments.headerAt(record.offset());
            byte[] ltx = reader.ltx().readNBytes((int) record.ltxLength());
            ByteBuffer extra = ByteBuffer.wrap(segments.extraOf(record.offset(), header));
            records.add(new Raw(header, extra, ByteBuffer.wrap(ltx)));
          }
        }
      }
    }
    return records;
  }

  private List<Raw> inLog(String name, long afterTxid) throws IOException {
    return raw(
        bench.replica.logDirectory(name), LogReader.open(bench.replica.root, name), afterTxid);
  }

  private static List<Raw> inSet(Divergence set) throws IOException {
    return raw(set.path().resolve("log"), set.records(), 0);
  }

  /** Nothing of log and database was changed, and the set is whole. */
  private void assertKept(Divergence set) throws IOException {
    assertThat(inSet(set)).isNotEmpty().isEqualTo(inLog(NAME, set.firstTxid() - 1));
    assertThat(set.databaseFile()).hasBinaryContent(image);
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
    assertThat(database().replicaLog().received().txid()).isEqualTo(set.lastTxid());
  }

  @Test
  void whatFollowsTheCommonPositionIsKeptExactlyAndNothingElseChanges() throws Exception {
    diverge();
    Divergence set = database().setAside(2, WHY);
    assertThat(set.name()).isEqualTo(NAME);
    assertThat(set.firstTxid()).isEqualTo(3);
    assertThat(set.lastTxid()).isEqualTo(5);
    assertThat(set.firstEpoch()).isEqualTo(4);
    assertThat(set.lastEpoch()).isEqualTo(4);
    assertThat(set.checksum()).isEqualTo(database().position().checksum());
    assertThat(set.why()).isEqualTo("node-b has another history?since noon");
    assertThat(set.hasDatabase()).isTrue();
    assertThat(set.bytes()).isGreaterThan(image.length);
    assertThat(set.id())
        .isEqualTo("orders%2Fapp.db.0000000000000003-0000000000000005.4.1")
        .isEqualTo(set.path().getFileName().toString());
    assertThat(inSet(set)).hasSize(3);
    assertKept(set);
    assertThat(kept()).containsExactly(set);
    assertThat(Divergences.list(bench.replica.root)).containsExactly(set);
    assertThat(Files.readString(set.path().resolve("description")))
        .contains("name: orders/app.db\n")
        .contains("cluster: " + bench.replica.store.clusterId() + "\n")
        .contains("node: " + bench.replica.store.nodeId() + "\n")
        .contains("common-txid: 0000000000000002\n")
        .contains("after: 0000000000000005/" + new Checksum(set.checksum()) + "\n")
        .contains("records: all after common-txid\n")
        .contains("acknowledged: to be assumed");
  }

  @Test
  void allOfASetIsOnTheDiskWhenItIsReported() throws Exception {
    diverge();
    Divergence set = database().setAside(2, WHY);
    try (var files = Files.walk(set.path())) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        assertThat(bench.replica.disk.isDurable(file, 0, Files.size(file)))
            .as(file.toString())
            .isTrue();
      }
    }
  }

  @Test
  void partsOfAGroupKeepWhatTheySayOfIt() throws Exception {
    Store store = bench.replica.store;
    store.becomePrimary(9);
    byte[] other = SqliteSimulator.image(random, 4096, 3, false);
    byte[] after = SqliteSimulator.next(random, image, 4096, 6, false, 3);
    SqliteSimulator one = new SqliteSimulator(store, NAME, random);
    SqliteSimulator two = new SqliteSimulator(store, "two.db", random);
    two.commitJournaled(new byte[0], other, Finalise.UNLINK, true);
    byte[] otherAfter = SqliteSimulator.next(random, other, 4096, 3, false, 1);
    one.writeUnderJournal(image, after, true);
    one.nameSuperJournal("/mnt/x-mj0001");
    two.writeUnderJournal(other, otherAfter, true);
    two.nameSuperJournal("/mnt/x-mj0001");
    store.commitGroup("x-mj0001");
    one.finalise(Finalise.UNLINK);
    two.finalise(Finalise.UNLINK);
    image = after;
    store.becomeReplica();
    Divergence set = database().setAside(2, WHY);
    assertThat(inSet(set)).singleElement().matches(record -> record.header().isGroup());
    assertKept(set);
  }

  @Test
  void transactionsThatAreNotShownYetAreInTheCopy() throws Exception {
    commit(bench.primary, 7);
    commit(bench.primary, 9);
    bench.carry(NAME, 9, random);
    assertThat(database().position().txid()).isEqualTo(2);
    Divergence set = database().setAside(3, WHY);
    assertThat(set.firstTxid()).isEqualTo(4);
    assertThat(set.lastTxid()).isEqualTo(4);
    assertThat(set.databaseFile()).hasBinaryContent(image);
    assertThat(inSet(set)).isEqualTo(inLog(NAME, 3));
    assertThat(database().position().txid()).isEqualTo(2);
  }

  @Test
  void aDatabaseOfWhichNothingIsShownYetIsCopiedFromItsRecords() throws Exception {
    bench.primary.store.importDatabase("new.db", Files.write(directory.resolve("i.db"), image));
    bench.carry("new.db", 9, random);
    Database hidden = bench.replica.store.get("new.db");
    assertThat(hidden.exists()).isFalse();
    Divergence set = hidden.setAside(0, WHY);
    assertThat(set.databaseFile()).hasBinaryContent(image);
  }

  @Test
  void aDatabaseInWalModeIsCopiedWithWhatItsFileDoesNotHaveYet() throws Exception {
    Store store = bench.replica.store;
    store.becomePrimary(9);
    byte[] wal = SqliteSimulator.next(random, image, 4096, 5, true, 1);
    SqliteSimulator sqlite = new SqliteSimulator(store, NAME, random);
    sqlite.commitJournaled(image, wal, Finalise.UNLINK, true);
    image = SqliteSimulator.next(random, wal, 4096, 7, true, 3);
    sqlite.commitWal(wal, image);
    store.becomeReplica();
    Divergence set = database().setAside(2, WHY);
    assertThat(set.lastTxid()).isEqualTo(4);
    assertThat(set.databaseFile()).hasBinaryContent(image);
  }

  @Test
  void whereNothingIsBeyondThereIsNothingToKeep() throws Exception {
    assertThat(database().setAside(2, WHY)).isNull();
    assertThat(database().setAside(7, WHY)).isNull();
    assertThat(bench.replica.store.getOrCreate("none.db").setAside(0, WHY)).isNull();
    assertThat(kept()).isEmpty();
  }

  @Test
  void aPrimaryGivesNothingUp() throws Exception {
    diverge();
    bench.replica.store.becomePrimary(20);
    assertThatThrownBy(() -> database().setAside(2, WHY))
        .isInstanceOfSatisfying(
            ReplicationException.class,
            e -> assertThat(e.kind()).isEqualTo(ReplicationException.Kind.OLDER_EPOCH));
  }

  @Test
  void theSameSetIsKeptOnceAndIsHeardOfOnce() throws Exception {
    List<Divergence> heard = new ArrayList<>();
    CommitListener listener =
        new CommitListener() {
          @Override
          public void committed(Database database) {}

          @Override
          public void diverged(Database database, Divergence divergence) {
            assertThat(database).isSameAs(database());
            heard.add(divergence);
          }
        };
    bench.replica.store.addCommitListener(listener);
    diverge();
    Divergence set = database().setAside(2, WHY);
    assertThat(database().setAside(2, "again")).isEqualTo(set);
    assertThat(database().setAside(4, "less")).isEqualTo(set);
    assertThat(heard).containsExactly(set);
    bench.replica.crash();
    bench.replica.store.addCommitListener(listener);
    assertThat(database().setAside(2, "after a crash")).isEqualTo(set);
    assertThat(heard).hasSize(1);
    assertThat(kept()).containsExactly(set);
    diverge();
    assertThat(database().setAside(2, WHY).id())
        .isEqualTo("orders%2Fapp.db.0000000000000003-0000000000000008.7.1");
    assertThat(kept()).hasSize(2);
  }

  @Test
  void moreIsKeptWhenTheCommonPositionTurnsOutToBeEarlier() throws Exception {
    diverge();
    database().setAside(3, WHY);
    assertThat(database().setAside(1, WHY).firstTxid()).isEqualTo(2);
    assertThat(kept()).hasSize(2);
  }

  @Test
  void equalNumbersOfAnotherHistoryAreAnotherSet() throws Exception {
    diverge();
    Divergence set = database().setAside(2, WHY);
    Path description = set.path().resolve("description");
    String other =
        Files.readString(description).replaceAll("checksum: .{16}", "checksum: 8" + "0".repeat(15));
    Files.writeString(description, other);
    assertThat(database().setAside(2, WHY).id()).endsWith(".4.2");
    assertThat(kept()).hasSize(2);
  }

  @Test
  void withoutRoomForTheCopyTheRecordsAreKeptAndTheDescriptionSaysSo() throws Exception {
    diverge();
    bench.replica.disk.failFrom(Call.WRITE, FaultyDisk.named("database.db"), 1, FaultyDisk.ENOSPC);
    Divergence set = database().setAside(2, WHY);
    bench.replica.disk.heal();
    assertThat(set.hasDatabase()).isFalse();
    assertThat(set.databaseFile()).doesNotExist();
    assertThat(inSet(set)).isEqualTo(inLog(NAME, 2));
    assertThat(set.path().resolve("description"))
        .content()
        .contains("database: none: " + FaultyDisk.ENOSPC);
  }

  /** So that the log begins at transaction 3. */
  private void cutLog() throws IOException {
    Store store = bench.replica.store;
    diverge();
    store.becomePrimary(20);
    for (int i = 0; i < 12; i++) {
      commit(bench.replica, 300 + i);
      bench.replica.settle();
    }
    store.becomeReplica();
    database().checkpoint();
    bench.replica.store.get(NAME).enforceRetention(Long.MAX_VALUE / 2);
    assertThat(database().firstInLog()).isGreaterThan(3);
  }

  @Test
  void aLogThatDoesNotReachBackNeedsTheCopy() throws Exception {
    bench.replica.close();
    TestStore shortLog =
        new TestStore(directory.resolve("replica"), false, java.time.Duration.ofMillis(1), 100_000)
            .as(Role.REPLICA)
            .open();
    bench.replaceReplica(shortLog);
    cutLog();
    long last = database().position().txid();
    long first = database().firstInLog();
    bench.replica.disk.failFrom(Call.WRITE, FaultyDisk.named("database.db"), 3, FaultyDisk.ENOSPC);
    assertDisk(failure(() -> database().setAside(2, WHY)));
    assertThat(entries()).isEmpty();
    bench.replica.disk.heal();
    Divergence set = database().setAside(2, WHY);
    assertThat(set.firstTxid()).isEqualTo(first);
    assertThat(set.lastTxid()).isEqualTo(last);
    assertKept(set);
    assertThat(set.path().resolve("description"))
        .content()
        .contains("records: not all after common-txid");
  }

  @ParameterizedTest
  @EnumSource(
      value = Call.class,
      names = {"OPEN", "WRITE", "SYNC", "RENAME", "SYNC_DIRECTORY", "CREATE_DIRECTORIES"})
  void aDiskThatRefusesGivesNothingUp(Call call) throws Exception {
    diverge();
    List<Raw> before = inLog(NAME, 0);
    int failures = 0;
    for (int nth = 1; nth < 1000; nth++) {
      bench.replica.disk.failOnce(
          call, path -> path.startsWith(bench.replica.root), nth, FaultyDisk.ENOSPC);
      Exception thrown = failure(() -> database().setAside(2, WHY));
      boolean hit = bench.replica.disk.faultsHit() > 0;
      bench.replica.disk.heal();
      assertThat(inLog(NAME, 0)).isEqualTo(before);
      assertThat(bench.replica.read(NAME)).isEqualTo(image);
      if (!hit) {
        assertThat(thrown).isNull();
        break;
      }
      if (thrown != null) {
        failures++;
        assertDisk(thrown);
        assertThat(entries()).noneMatch(entry -> entry.endsWith(".tmp"));
      }
      Divergence set = database().setAside(2, WHY);
      assertThat(inSet(set)).isEqualTo(inLog(NAME, 2));
      assertThat(kept()).hasSize(1);
      FileTree.delete(divergent());
    }
    assertThat(failures).isPositive();
  }

  @Test
  void whatWasInterruptedIsRemovedAtTheNextStart() throws Exception {
    diverge();
    FaultPoint.arm(
        FaultPoint.SET_ASIDE_WRITTEN,
        1,
        () -> {
          bench.replica.disk.die();
          throw new AssertionError("killed");
        });
    assertThatThrownBy(() -> database().setAside(2, WHY)).hasMessage("killed");
    assertThat(entries()).singleElement().asString().endsWith(".1.tmp");
    bench.replica.crash();
    assertThat(entries()).isEmpty();
    assertKept(database().setAside(2, WHY));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void thePowerMayGoAtAnyStep(int seed) throws Exception {
    Random luck = new Random(seed);
    diverge();
    boolean whole = false;
    for (int step = 0; !whole; step++) {
      bench.replica.disk.cutPowerAt(step);
      try {
        database().setAside(2, WHY);
        whole = true;
      } catch (FaultyDisk.PowerCut e) {
        // as wanted
      } catch (ReplicationException e) {
        // as wanted, if a thread in the background met the cut first
        assertThat(bench.replica.disk.isDead()).isTrue();
      }
      bench.replica.powerLoss(luck);
      assertThat(entries()).as("at step %d", step).noneMatch(entry -> entry.endsWith(".tmp"));
      assertThat(kept()).hasSizeLessThanOrEqualTo(1);
      if (whole) {
        assertThat(kept()).hasSize(1);
      }
      for (Divergence set : kept()) {
        assertKept(set);
      }
      if (!whole) {
        assertKept(database().setAside(2, WHY));
        FileTree.delete(divergent());
      }
    }
  }

  @Test
  void aNameThatIsLongIsCutOnTheDiskOnly() throws Exception {
    String name = "\u00e4".repeat(40) + "x".repeat(15);
    bench.primary.store.importDatabase(name, Files.write(directory.resolve("i.db"), image));
    bench.follow(name);
    Divergence set = bench.replica.store.get(name).setAside(0, WHY);
    assertThat(set.name()).isEqualTo(name);
    assertThat(set.id().length()).isLessThan(255);
    assertThat(kept()).containsExactly(set);
  }

  @Test
  void aSetIsListedWhateverBecameOfItsDescription() throws Exception {
    diverge();
    Divergence set = database().setAside(2, WHY);
    Files.delete(set.path().resolve("description"));
    Files.createDirectory(divergent().resolve("something else"));
    assertThat(kept())
        .singleElement()
        .satisfies(
            listed -> {
              assertThat(listed.name()).isEqualTo(NAME);
              assertThat(listed.firstTxid()).isEqualTo(3);
              assertThat(listed.time()).isNull();
              assertThat(listed.why()).contains("description cannot be read");
            });
    Files.write(set.path().resolve("description"), new byte[] {(byte) 0xff, 1, 2});
    assertThat(kept())
        .singleElement()
        .matches(listed -> Arrays.asList(3L, 5L).contains(listed.lastTxid()));
  }
}
