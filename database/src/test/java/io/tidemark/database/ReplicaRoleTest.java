package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.RefusedException.Kind;
import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplicaRoleTest {
  private static final String NAME = "app.db";

  @TempDir Path directory;

  private final Random random = new Random(13);
  private ReplicaBench bench;
  private byte[] image;
  private Database database;
  private MainFile main;

  @BeforeEach
  void start() throws Exception {
    bench = new ReplicaBench(directory);
    begin(false);
  }

  private void begin(boolean wal) throws IOException {
    image = SqliteSimulator.image(random, 4096, 5, wal);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(new byte[0], image, Finalise.UNLINK, true);
    bench.follow(NAME);
    database = bench.onReplica(NAME);
    main = database.mainFile();
    database.opened(main);
  }

  @AfterEach
  void end() {
    bench.close();
  }

  private static void assertRefused(Kind kind, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(RefusedException.class, e -> assertThat(e.kind()).isEqualTo(kind));
  }

  private ByteBuffer page(int index) {
    return ByteBuffer.wrap(Arrays.copyOfRange(image, index * 4096, (index + 1) * 4096));
  }

  @Test
  void programsCanWriteNothingThatChangesAByte() throws Exception {
    List<Long> reverted = new ArrayList<>();
    bench.replica.store.listener(
        new DatabaseListener() {
          @Override
          public void rangeReverted(Database of, long offset, long length) {
            reverted.add(offset);
          }
        });
    assertRefused(Kind.NO_ACCESS, () -> database.createJournal());
    database.write(main, page(2), 2 * 4096);
    ByteBuffer other = page(2);
    other.put(4095, (byte) ~other.get(4095));
    assertRefused(Kind.READ_ONLY, () -> database.write(main, other, 2 * 4096));
    assertThat(reverted).containsExactly(2 * 4096L);
    assertRefused(Kind.READ_ONLY, () -> database.write(main, page(0), 5 * 4096));
    assertRefused(Kind.READ_ONLY, () -> database.truncate(main, 4096));
    assertRefused(Kind.READ_ONLY, () -> database.drop());
    assertRefused(Kind.READ_ONLY, () -> bench.replica.store.drop(NAME));
    Path copy = Files.write(directory.resolve("copy.db"), image);
    copy = Files.write(copy, SqliteSimulator.image(random, 512, 3, false));
    Path file = copy;
    assertRefused(Kind.READ_ONLY, () -> bench.replica.store.importDatabase(NAME, file));
    assertRefused(Kind.READ_ONLY, () -> bench.replica.store.importDatabase("new.db", file));
    bench.assertSame(NAME);
  }

  @Test
  void aCopyOfADatabaseToANewNameIsRefused() throws Exception {
    Database copy = bench.replica.store.getOrCreate("copy.db");
    MainFile file = copy.create();
    copy.opened(file);
    copy.write(file, ByteBuffer.wrap(image), 0);
    assertRefused(Kind.READ_ONLY, () -> copy.flush(file, copy.changes()));
    assertThat(copy.exists()).isFalse();
    assertThat(file.size()).isZero();
  }

  @Test
  void walAndIndexMayBeMadeButFramesAreRefused() throws Exception {
    SideFile wal = database.createWal();
    SideFile shm = database.createShm();
    database.writeShm(shm, ByteBuffer.allocate(4096), 0);
    assertRefused(Kind.READ_ONLY, () -> database.writeWal(wal, ByteBuffer.allocate(32), 0));
    assertThat(wal.size()).isZero();
    database.unlinkWal();
    database.unlinkShm();
  }

  @Test
  void aTransactionUnderAJournalIsDiscardedOnDemotionAndItsCommitIsRefused() throws Exception {
    for (Finalise how : Finalise.values()) {
      bench.replica.store.becomePrimary(bench.replica.store.epoch() + 1);
      SqliteSimulator sqlite = new SqliteSimulator(bench.replica.store, NAME, random);
      byte[] after = SqliteSimulator.next(random, image, 4096, 6, false, 3);
      sqlite.writeUnderJournal(image, after, true);
      bench.replica.store.becomeReplica();
      assertThat(bench.replica.read(NAME)).isEqualTo(image);
      assertRefused(Kind.READ_ONLY, () -> sqlite.finalise(how));
      assertThat(bench.replica.read(NAME)).isEqualTo(image);
      sqlite.rollBack(image, image, how); // SQLite plays the journal back
      assertThat(database.position().txid()).isEqualTo(1);
      database.unlinkJournal();
    }
  }

  @Test
  void whoWritesOnAfterDemotionIsToldAtOnceAndCanRollBack() throws Exception {
    bench.replica.store.becomePrimary(9);
    SqliteSimulator sqlite = new SqliteSimulator(bench.replica.store, NAME, random);
    byte[] after = SqliteSimulator.next(random, image, 4096, 5, false, 3);
    sqlite.writeUnderJournal(image, after, true);
    bench.replica.store.becomeReplica();
    assertRefused(Kind.READ_ONLY, () -> sqlite.writePages(image, after, 0, 5));
    sqlite.rollBack(image, image, Finalise.UNLINK);
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
  }

  @Test
  void writesWithoutJournalAreDiscardedOnDemotionAndTheNextSyncSaysSo() throws Exception {
    bench.replica.store.becomePrimary(9);
    SqliteSimulator sqlite = new SqliteSimulator(bench.replica.store, NAME, random);
    byte[] after = SqliteSimulator.next(random, image, 4096, 5, false, 3);
    sqlite.writePages(image, after, 0, 5);
    bench.replica.store.becomeReplica();
    assertThat(bench.replica.read(NAME)).isEqualTo(image);
    assertRefused(Kind.READ_ONLY, () -> database.sync(main));
    database.sync(main);
  }

  @Test
  void aNewPrimaryShowsAllItHasAndThenWrites() throws Exception {
    byte[] second = SqliteSimulator.next(random, image, 4096, 7, false, 3);
    new SqliteSimulator(bench.primary.store, NAME, random)
        .commitJournaled(image, second, Finalise.UNLINK, true);
    bench.carry(NAME, 9, random);
    FakeReaders readers = new FakeReaders(database);
    readers.reading = true;
    bench.replica.store.readerAccess(readers);
    bench.replica.store.becomePrimary(12);
    bench.assertSame(NAME);
    assertThat(main.isReplaced()).as("who would not make way").isTrue();
    byte[] third = SqliteSimulator.next(random, second, 4096, 7, false, 3);
    new SqliteSimulator(bench.replica.store, NAME, random)
        .commitJournaled(second, third, Finalise.UNLINK, true);
    assertThat(database.position().txid()).isEqualTo(3);
    assertThat(database.position().epoch()).isEqualTo(12);
    assertThatThrownBy(() -> bench.replica.store.becomePrimary(11))
        .isInstanceOf(ReplicationException.class);
  }
}
