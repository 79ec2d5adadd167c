package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.RefusedException.Kind;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeapRoomTest {
  private static final int PAGE = 4096;

  @TempDir Path temp;

  @Test
  void anAllocationMustFitHalfOfTheFreeHeap() {
    assertThat(HeapRoom.fits(40 << 20, 80 << 20)).isTrue();
    assertThat(HeapRoom.fits((40 << 20) + 1, 80 << 20)).isFalse();
    assertThat(HeapRoom.fits(HeapRoom.SMALL, 0)).isTrue();
  }

  @Test
  void whatFiveGigabytesNeedFitsTheHeapOfAMount() throws Exception {
    HeapRoom.checkAdded("a.db", 5_000L * 256);
    assertThat(HeapRoom.fits(5_000L * 256 * 28, 100 << 20)).isTrue();
  }

  @Test
  void aByteFarBehindTheEndIsRefusedAndAllDatabasesGoOn() throws Exception {
    Random random = new Random(1);
    try (TestStore test = new TestStore(temp).open()) {
      SqliteSimulator sqlite = new SqliteSimulator(test.store, "a.db", random);
      byte[] image = SqliteSimulator.image(random, PAGE, 4, false);
      sqlite.commitJournaled(new byte[0], image, SqliteSimulator.Finalise.UNLINK, true);
      byte[] header = Arrays.copyOf(image, 100);
      ByteBuffer.wrap(header).putInt(28, 0); // then the size of the file counts
      MainFile main = sqlite.main();
      sqlite.db.write(main, ByteBuffer.wrap(header), 0);
      sqlite.db.write(main, ByteBuffer.wrap(new byte[] {1}), (Integer.MAX_VALUE - 100L) * PAGE);
      assertThatThrownBy(() -> sqlite.db.sync(main))
          .isInstanceOfSatisfying(
              RefusedException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TOO_BIG))
          .hasMessageContaining("TIDEMARK_JAVA_OPTS");
      assertThat(sqlite.db.position().txid()).isEqualTo(1);

      SqliteSimulator other = new SqliteSimulator(test.store, "b.db", random);
      other.commitJournaled(new byte[0], image, SqliteSimulator.Finalise.UNLINK, true);
      assertThat(other.db.position().txid()).isEqualTo(1);
    }
  }
}
