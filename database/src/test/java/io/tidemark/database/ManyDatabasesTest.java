package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManyDatabasesTest {
  private static final int DATABASES = 300;

  @TempDir Path temp;
  private final Random random = new Random(1);

  private static long directMemory() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** Each is in the middle of a transaction of its own at the same time. */
  @Test
  void transactionsOfHundredsOfDatabasesShareBoundedMemory() throws Exception {
    try (TestStore test = new TestStore(temp).open()) {
      byte[] nothing = new byte[0];
      List<SqliteSimulator> open = new ArrayList<>();
      List<byte[]> images = new ArrayList<>();
      long before = directMemory();
      for (int i = 0; i < DATABASES; i++) {
        SqliteSimulator sqlite = new SqliteSimulator(test.store, i + ".db", random);
        byte[] image = SqliteSimulator.image(random, 4096, 40, false);
        sqlite.writeUnderJournal(nothing, image, false);
        open.add(sqlite);
        images.add(image);
      }
      assertThat(directMemory() - before).isLessThan(40L << 20);
      for (int i = 0; i < DATABASES; i++) {
        open.get(i).finalise(SqliteSimulator.Finalise.UNLINK);
        assertThat(open.get(i).visible()).isEqualTo(images.get(i));
        assertThat(open.get(i).db.position().txid()).isEqualTo(1);
      }
      test.store.allDatabases().forEach(ManyDatabasesTest::settle);
      assertThat(test.store.blockMemory().lent()).isZero();
    }
  }

  private static void settle(Database database) {
    try {
      database.upkeep();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void whatFindsNoMemoryGoesToAFileAndComesBack() throws Exception {
    BlockMemory memory = new BlockMemory(3L * BlockMemory.CHUNK);
    try (Overlays overlays = new Overlays(memory)) {
      byte[] first = overlays.fill(overlays.a, 200);
      byte[] second = overlays.fill(overlays.b, 100);
      assertThat(memory.lent()).isEqualTo(3);
      assertThat(overlays.read(overlays.a, 200)).isEqualTo(first);
      assertThat(overlays.read(overlays.b, 100)).isEqualTo(second);
      overlays.a.clear();
      assertThat(memory.lent()).isZero();
      byte[] again = overlays.fill(overlays.a, 48);
      assertThat(overlays.read(overlays.a, 48)).isEqualTo(again);
      assertThat(overlays.read(overlays.b, 100)).isEqualTo(second);
      assertThat(memory.lent()).isEqualTo(3);
    }
    assertThat(memory.lent()).isZero();
  }

  /** Two layers that share memory. */
  private final class Overlays implements AutoCloseable {
    final Overlay a;
    final Overlay b;

    Overlays(BlockMemory memory) {
      a = new Overlay(new FileDisk(), temp.resolve("a"), memory, 1 << 20);
      b = new Overlay(new FileDisk(), temp.resolve("b"), memory, 1 << 20);
    }

    byte[] fill(Overlay overlay, int blocks) throws IOException {
      byte[] bytes = new byte[blocks * Overlay.BLOCK];
      random.nextBytes(bytes);
      overlay.write(ByteBuffer.wrap(bytes), 0, (dst, offset) -> {});
      return bytes;
    }

    byte[] read(Overlay overlay, int blocks) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(blocks * Overlay.BLOCK);
      for (int i = 0; i < blocks; i++) {
        bytes.limit((i + 1) * Overlay.BLOCK);
        overlay.read(i, 0, bytes);
      }
      return bytes.array();
    }

    @Override
    public void close() {
      a.close();
      b.close();
    }
  }
}
