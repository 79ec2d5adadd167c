package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.database.Disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadAheadTest {
  @TempDir Path directory;

  private final Random random = new Random(3);
  private final byte[] content = new byte[100_000];
  private DiskFile file;
  private ReadAhead ahead;

  @BeforeEach
  void open() throws IOException {
    random.nextBytes(content);
    file = new FileDisk().open(directory.resolve("a"));
    file.write(ByteBuffer.wrap(content), 0);
    ahead = new ReadAhead(file);
  }

  private static byte[] read(DiskFile from, int length, long offset) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length + 3).position(3);
    int count = from.read(bytes, offset);
    assertThat(bytes.position()).isEqualTo(3 + count);
    byte[] got = new byte[count];
    bytes.get(3, got);
    return got;
  }

  @Test
  void anyPieceIsWhatTheFileHas() throws Exception {
    for (int i = 0; i < 5000; i++) {
      int length = random.nextInt(random.nextBoolean() ? 100 : 40_000);
      long offset = random.nextInt(content.length + 10);
      assertThat(read(ahead, length, offset)).isEqualTo(read(file, length, offset));
    }
  }

  @Test
  void whatWasWrittenSinceIsSeenAfterForgetting() throws Exception {
    assertThat(read(ahead, 10, 0)).hasSize(10);
    file.write(ByteBuffer.wrap(new byte[10]), 5000);
    ahead.forget();
    assertThat(read(ahead, 10, 5000)).isEqualTo(new byte[10]);
  }

  @Test
  void twoFilesAndTwoThreadsDoNotMixUpTheirBytes() throws Exception {
    byte[] others = new byte[50_000];
    random.nextBytes(others);
    try (DiskFile second = new FileDisk().open(directory.resolve("b"))) {
      second.write(ByteBuffer.wrap(others), 0);
      ReadAhead aheadOfSecond = new ReadAhead(second);
      for (int i = 0; i < 20; i++) {
        int at = i * 1000;
        assertThat(read(ahead, 50, at)).isEqualTo(read(file, 50, at));
        assertThat(read(aheadOfSecond, 50, at)).isEqualTo(read(second, 50, at));
        Thread other =
            new Thread(
                () -> {
                  try {
                    read(ahead, 50, 60_000);
                  } catch (IOException e) {
                    throw new AssertionError(e);
                  }
                });
        other.start();
        other.join();
        assertThat(read(ahead, 50, at + 50)).isEqualTo(read(file, 50, at + 50));
      }
    }
  }

  @Test
  void manySmallReadsCostFewOfTheDisk() throws Exception {
    int[] reads = new int[1];
    ReadAhead counted =
        new ReadAhead(
            new DiskFile() {
              @Override
              public int read(ByteBuffer dst, long offset) throws IOException {
                reads[0]++;
                return file.read(dst, offset);
              }

              @Override
              public void write(ByteBuffer src, long offset) throws IOException {
                file.write(src, offset);
              }

              @Override
              public long size() throws IOException {
                return file.size();
              }

              @Override
              public void truncate(long size) throws IOException {
                file.truncate(size);
              }

              @Override
              public void sync() throws IOException {
                file.sync();
              }

              @Override
              public void close() throws IOException {
                file.close();
              }
            });
    for (int at = 0; at < content.length; at += 100) {
      read(counted, 100, at);
    }
    assertThat(reads[0]).isLessThan(6);
  }
}
