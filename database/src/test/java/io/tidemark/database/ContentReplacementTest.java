package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Import, drop, export and retention. */
class ContentReplacementTest {
  @TempDir Path directory;

  private final Random random = new Random(8);
  private TestStore bench;
  private SqliteSimulator sqlite;
  private byte[] image;

  @BeforeEach
  void open() throws Exception {
    bench = new TestStore(directory, true, Duration.ofMillis(1), 300_000).open();
    sqlite = new SqliteSimulator(bench.store, "a", random);
    image = SqliteSimulator.image(random, 512, 6, false);
    sqlite.commitJournaled(new byte[0], image, Finalise.UNLINK, true);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  private void commit(int pages, int changes) throws Exception {
    byte[] after = SqliteSimulator.next(random, image, 512, pages, false, changes);
    sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
    image = after;
  }

  @Test
  void anImportWithAnotherPageSizeMakesOldHandlesFail() throws Exception {
    MainFile old = sqlite.main();
    byte[] imported = SqliteSimulator.image(random, 4096, 3, true);
    Path file = Files.write(directory.resolve("in.db"), imported);
    bench.store.importDatabase("a", file);
    assertThat(Files.readAllBytes(file)).as("the source stays").isEqualTo(imported);
    assertThat(bench.read("a")).isEqualTo(imported);
    ByteBuffer buffer = ByteBuffer.allocate(512);
    assertThatThrownBy(() -> sqlite.db.read(old, buffer, 0)).isInstanceOf(RefusedException.class);
    assertThatThrownBy(() -> sqlite.db.write(old, buffer, 0)).isInstanceOf(RefusedException.class);
    assertThatThrownBy(() -> sqlite.db.truncate(old, 0)).isInstanceOf(RefusedException.class);
    assertThatThrownBy(() -> sqlite.db.sync(old)).isInstanceOf(RefusedException.class);
    assertThat(sqlite.db.position().txid()).isEqualTo(2);
    assertThat(bench.crash().read("a")).isEqualTo(imported);
  }

  @Test
  void whatIsNoDatabaseIsNotImported() throws Exception {
    Path file = Files.write(directory.resolve("in.db"), new byte[4096]);
    assertThatThrownBy(() -> bench.store.importDatabase("a", file))
        .isInstanceOf(InvalidDatabaseException.class);
    assertThat(bench.read("a")).isEqualTo(image);
    assertThat(sqlite.db.position().txid()).isEqualTo(1);
  }

  @Test
  void anImportThatBreaksOffLeavesWhatWasWrongBefore() throws Exception {
    byte[] imported = SqliteSimulator.image(random, 512, 4, false);
    Path file = Files.write(bench.root.resolve("import/in.db"), imported);
    bench.disk.watch(
        (path, src, offset) -> {
          if (FaultyDisk.segments().test(path)) {
            throw new IllegalStateException("of a test");
          }
        });
    sqlite.db.fail("as before");
    assertThatThrownBy(() -> sqlite.db.replaceWith(file)).isInstanceOf(IllegalStateException.class);
    assertThat(sqlite.db.failure()).isEqualTo("as before");
    bench.disk.watch(null);
    assertThat(bench.crash().read("a")).isEqualTo(image);
  }

  @Test
  void anImportThatIsRecordedAndBreaksOffIsNotServedUntilARestart() throws Exception {
    byte[] imported = SqliteSimulator.image(random, 512, 4, false);
    Path file = Files.write(directory.resolve("in.db"), imported);
    FaultPoint.arm(
        FaultPoint.IMPORT_APPLYING,
        1,
        () -> {
          throw new IllegalStateException("of a test");
        });
    assertThatThrownBy(() -> bench.store.importDatabase("a", file))
        .isInstanceOf(IllegalStateException.class);
    assertThat(sqlite.db.failure()).contains("recorded but could not be put in place");
    assertThat(bench.crash().read("a")).isEqualTo(imported);
  }

  @Test
  void aDroppedNameContinuesItsTxidsAndOpenHandlesKeepTheirContent() throws Exception {
    MainFile old = sqlite.main();
    assertThat(bench.store.drop("a")).isTrue();
    ByteBuffer kept = ByteBuffer.allocate(image.length);
    sqlite.db.read(old, kept, 0);
    assertThat(kept.array()).isEqualTo(image);
    assertThat(bench.store.find("a")).isNull();
    assertThat(bench.store.drop("a")).isFalse();
    byte[] fresh = SqliteSimulator.image(random, 1024, 2, false);
    SqliteSimulator again = new SqliteSimulator(bench.store, "a", random);
    again.commitJournaled(new byte[0], fresh, Finalise.UNLINK, true);
    sqlite.db.write(old, ByteBuffer.wrap(new byte[512]), 0);
    assertThat(bench.read("a")).isEqualTo(fresh);
    assertThat(again.db.position().txid()).isEqualTo(3);
    assertThat(bench.powerLoss(random).read("a")).isEqualTo(fresh);
  }

  @Test
  void anExportWhileOthersWriteIsOneStateOfTheHistory() throws Exception {
    java.util.TreeMap<Long, byte[]> model = new java.util.TreeMap<>();
    model.put(1L, image);
    for (int round = 0; round < 10; round++) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      boolean inWal = round % 2 == 1;
      if (inWal) {
        byte[] after = SqliteSimulator.next(random, image, 512, 8, true, 2);
        sqlite.commitWal(image, after);
        image = after;
        model.put(sqlite.db.position().txid(), image);
      }
      // The disk lets a writer in at each read of the copy.
      int[] left = {5};
      bench.disk.watch(
          (path, src, offset) -> {
            if (path.toString().contains("export-") && left[0]-- > 0 && !inWal) {
              try {
                commit(6 + random.nextInt(5), 2);
              } catch (Exception e) {
                throw new AssertionError(e);
              }
              model.put(sqlite.db.position().txid(), image);
            }
          });
      DatabasePosition position = sqlite.db.exportTo(Channels.newChannel(out), bytes -> {});
      bench.disk.watch(null);
      assertThat(out.toByteArray()).isEqualTo(model.get(position.txid()));
      if (inWal) {
        sqlite.leaveWal();
      }
    }
  }

  @Test
  void retentionKeepsWhatRedoNeeds() throws Exception {
    for (int i = 0; i < 40; i++) {
      commit(120, 110);
      bench.settle();
      if (i == 30) {
        // what is committed in the WAL and not checkpointed has to stay
        byte[] after = SqliteSimulator.next(random, image, 512, 120, true, 10);
        sqlite.commitWal(image, after);
        image = after;
        bench.store.get("a").enforceRetention(System.currentTimeMillis() + 100_000);
        bench.crash();
        assertThat(bench.read("a")).isEqualTo(image);
        sqlite = new SqliteSimulator(bench.store, "a", random);
      }
      bench.store.get("a").enforceRetention(System.currentTimeMillis() + 100_000);
    }
    assertThat(sqlite.db.status().logSegments()).isLessThan(4);
    assertThat(bench.crash().read("a")).isEqualTo(image);
    assertThat(bench.store.get("a").status().txid()).isEqualTo(42);
  }

  @Test
  void aDamagedDatabaseFileIsNoticedByTheExport() throws Exception {
    bench.store.get("a").checkpoint();
    byte[] damaged = image.clone();
    damaged[700] ^= 1;
    Files.write(bench.databaseFile("a"), damaged);
    assertThatThrownBy(
            () -> sqlite.db.exportTo(Channels.newChannel(new ByteArrayOutputStream()), bytes -> {}))
        .isInstanceOf(CorruptLogException.class);
  }

  @Test
  void uncommittedPagesNeverReachTheDatabaseFile() throws Exception {
    byte[] after = SqliteSimulator.next(random, image, 512, 9, false, 4);
    sqlite.writeUnderJournal(image, after, true);
    assertThat(bench.read("a")).isEqualTo(after);
    assertThat(Files.readAllBytes(bench.databaseFile("a"))).isEqualTo(image);
    assertThat(bench.crash().read("a")).isEqualTo(image);
  }
}
