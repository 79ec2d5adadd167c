package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.SqliteSimulator.Finalise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A commit over several databases is in all of them or in none, however they are recovered. */
class GroupRecoveryTest {
  private static final class Died extends Error {
    private static final long serialVersionUID = 1;
  }

  @TempDir Path directory;

  private final Random random = new Random(77);
  private TestStore bench;
  private byte[] a;
  private byte[] b;
  private byte[] afterA;
  private byte[] afterB;

  @BeforeEach
  void open() throws Exception {
    start(directory);
  }

  private void start(Path home) throws Exception {
    bench = new TestStore(home).open();
    a = SqliteSimulator.image(random, 512, 4, false);
    b = SqliteSimulator.image(random, 512, 5, false);
    new SqliteSimulator(bench.store, "a", random)
        .commitJournaled(new byte[0], a, Finalise.UNLINK, true);
    new SqliteSimulator(bench.store, "b", random)
        .commitJournaled(new byte[0], b, Finalise.UNLINK, true);
  }

  @AfterEach
  void close() {
    FaultPoint.disarm();
    bench.close();
  }

  private void group() throws IOException {
    afterA = SqliteSimulator.next(random, a, 512, 6, false, 2);
    afterB = SqliteSimulator.next(random, b, 512, 7, false, 2);
    SqliteSimulator one = new SqliteSimulator(bench.store, "a", random);
    SqliteSimulator two = new SqliteSimulator(bench.store, "b", random);
    one.writeUnderJournal(a, afterA, true);
    one.nameSuperJournal("/m/x-mj1");
    two.writeUnderJournal(b, afterB, true);
    two.nameSuperJournal("/m/x-mj1");
    bench.store.commitGroup("x-mj1");
    one.finalise(Finalise.UNLINK);
    two.finalise(Finalise.UNLINK);
  }

  private void groupThatDiesAt(FaultPoint point) throws IOException {
    FaultPoint.arm(
        point,
        1,
        () -> {
          bench.disk.die();
          throw new Died();
        });
    boolean died = false;
    try {
      group();
    } catch (Died e) {
      died = true;
    }
    assertThat(died).isTrue();
    bench.kill();
  }

  /** Starts with a log of a that cannot be read, and mends it then. */
  private void startWithoutTheLogOfA() throws IOException {
    Path segment = bench.lastSegment("a");
    byte[] whole = Files.readAllBytes(segment);
    Files.write(segment, ofALaterVersion(whole));
    bench.open();
    assertThat(bench.store.get("a").failure()).contains("version");
    Files.write(segment, Arrays.copyOf(whole, whole.length + 8));
  }

  private static byte[] ofALaterVersion(byte[] segment) {
    byte[] changed = segment.clone();
    changed[8]++;
    return changed;
  }

  @Test
  void aDatabaseThatIsServedLateDropsItsPartOfAnIncompleteGroup() throws Exception {
    bench.store.get("a").checkpoint();
    groupThatDiesAt(FaultPoint.GROUP_PARTLY_APPENDED);
    startWithoutTheLogOfA();
    // b may have gone on meanwhile, with the TXID that it had in the group
    byte[] alone = SqliteSimulator.next(random, b, 512, 3, false, 1);
    new SqliteSimulator(bench.store, "b", random).commitJournaled(b, alone, Finalise.UNLINK, true);
    bench.store.retryFailed();
    assertThat(bench.store.get("a").failure()).isNull();
    assertThat(bench.read("a")).isEqualTo(a);
    assertThat(bench.store.get("a").position().txid()).isEqualTo(1);
    b = alone;
    group();
    bench.crash();
    assertThat(bench.read("a")).isEqualTo(afterA);
    assertThat(bench.read("b")).isEqualTo(afterB);
  }

  @Test
  void aDatabaseThatIsServedLateKeepsItsPartOfACompleteGroup() throws Exception {
    bench.store.get("a").checkpoint();
    group();
    bench.kill();
    startWithoutTheLogOfA();
    bench.store.retryFailed();
    assertThat(bench.read("a")).isEqualTo(afterA);
    assertThat(bench.read("b")).isEqualTo(afterB);
  }

  @Test
  void aDatabaseThatIsServedLateBringsItsNewerEpochAlong() throws Exception {
    bench.store.get("a").checkpoint();
    for (int i = 0; i < 3; i++) {
      bench.crash();
    }
    byte[] late = SqliteSimulator.next(random, a, 512, 3, false, 1);
    new SqliteSimulator(bench.store, "a", random).commitJournaled(a, late, Finalise.UNLINK, true);
    bench.kill();
    Files.delete(bench.root.resolve("epoch"));
    startWithoutTheLogOfA();
    bench.store.retryFailed();
    assertThat(bench.read("a")).isEqualTo(late);
    byte[] last = SqliteSimulator.next(random, late, 512, 3, false, 1);
    new SqliteSimulator(bench.store, "a", random)
        .commitJournaled(late, last, Finalise.UNLINK, true);
    bench.crash();
    assertThat(bench.store.get("a").failure()).isNull();
    assertThat(bench.read("a")).isEqualTo(last);
  }

  @Test
  void theEpochAfterAnIncompleteGroupWasCutIsThatOfTheTransactionBefore() throws Exception {
    long epoch = bench.store.get("a").position().epoch();
    bench.crash();
    groupThatDiesAt(FaultPoint.GROUP_PARTLY_APPENDED);
    bench.open();
    assertThat(bench.read("a")).isEqualTo(a);
    assertThat(bench.store.get("a").position().epoch()).isEqualTo(epoch);
  }

  @Test
  void aGroupThatAStartFoundCompleteStaysWhenTheOtherDatabaseIsDroppedAsDamaged() throws Exception {
    group();
    bench.kill();
    Path segment = bench.lastSegment("b");
    Files.write(segment, ofALaterVersion(Files.readAllBytes(segment)));
    bench.open();
    assertThat(bench.store.get("b").failure()).isNotNull();
    assertThat(bench.read("a")).isEqualTo(afterA);
    bench.store.drop("b");
    bench.crash();
    assertThat(bench.read("a")).isEqualTo(afterA);
  }

  @Test
  void aGroupIsWholeOrAbsentWhenThePowerGoesDuringTheRecoveryOfAKilledProcess() throws Exception {
    bench.close();
    for (int cut = 0; ; cut++) {
      for (int mood = 0; mood < 3; mood++) {
        start(directory.resolve(cut + "-" + mood));
        // All records are written, none is synced.
        groupThatDiesAt(FaultPoint.COMMIT_BEFORE_SYNC);
        bench.disk.cutPowerAt(cut);
        try {
          bench.open();
        } catch (IOException e) {
          assertThat(bench.disk.isDead()).isTrue();
        }
        boolean finished = !bench.disk.isDead();
        bench.powerLoss(random);
        boolean inA = Arrays.equals(bench.read("a"), afterA);
        boolean inB = Arrays.equals(bench.read("b"), afterB);
        assertThat(inA).as("cut " + cut).isEqualTo(inB);
        assertThat(bench.read("a")).isEqualTo(inA ? afterA : a);
        assertThat(bench.read("b")).isEqualTo(inB ? afterB : b);
        bench.close();
        if (finished && mood == 2) {
          return;
        }
      }
    }
  }
}
