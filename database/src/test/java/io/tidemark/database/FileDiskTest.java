package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Disk.DiskFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileDiskTest {
  @TempDir Path directory;

  private final Random random = new Random(5);

  @Test
  void muchIsWrittenWhateverItsPlaceAndItsBuffer() throws Exception {
    byte[] expected = new byte[1 << 20];
    ByteBuffer aligned = Scratch.get().pages();
    Path path = directory.resolve("a");
    try (DiskFile file = new FileDisk().open(path)) {
      file.truncate(expected.length);
      for (int i = 0; i < 300; i++) {
        boolean blocks = random.nextInt(3) > 0;
        int unit = blocks ? 4096 : 1;
        int length = (1 + random.nextInt((100 << 10) / unit)) * unit;
        int offset = random.nextInt((expected.length - length) / unit) * unit;
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        System.arraycopy(bytes, 0, expected, offset, length);
        ByteBuffer src = ByteBuffer.wrap(bytes);
        if (random.nextBoolean()) {
          aligned.clear();
          src = aligned.position(blocks ? 4096 : random.nextInt(100)).slice();
          src.put(bytes).flip();
        }
        file.writeMuch(src, offset);
        assertThat(src.hasRemaining()).isFalse();
        if (i % 50 == 0) {
          ByteBuffer back = ByteBuffer.allocate(length);
          file.read(back, offset);
          assertThat(back.array()).isEqualTo(bytes);
        }
      }
      file.sync();
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(expected);
  }

  @Test
  void aFileWithoutANameTakesMuchToo() throws Exception {
    Path path = directory.resolve("a");
    try (DiskFile file = new FileDisk().open(path)) {
      Files.delete(path);
      ByteBuffer src = Scratch.get().pages().limit(8192);
      src.putLong(4096, 4711);
      file.writeMuch(src, 4096);
      ByteBuffer back = ByteBuffer.allocate(8);
      file.read(back, 8192);
      assertThat(back.getLong(0)).isEqualTo(4711);
    }
  }
}
