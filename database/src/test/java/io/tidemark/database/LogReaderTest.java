package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.database.SqliteSimulator.Finalise;
import io.tidemark.ltx.LtxDecoder;
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

/** What can be read of a damaged log, for export and inspection. */
class LogReaderTest {
  private static final int COMMITS = 6;

  @TempDir Path directory;

  private final Random random = new Random(31);
  private final List<byte[]> images = new ArrayList<>();
  private final List<Long> offsets = new ArrayList<>();
  private TestStore bench;
  private byte[] whole;

  @BeforeEach
  void commitSome() throws Exception {
    bench = new TestStore(directory).open();
    SqliteSimulator sqlite = new SqliteSimulator(bench.store, "a", random);
    byte[] image = new byte[0];
    for (int i = 0; i < COMMITS; i++) {
      byte[] after = SqliteSimulator.next(random, image, 512, 4 + i, false, 2);
      sqlite.commitJournaled(image, after, Finalise.UNLINK, true);
      image = after;
      images.add(image);
    }
    bench.kill();
    whole = Files.readAllBytes(bench.lastSegment("a"));
    try (LogReader log = LogReader.open(bench.root, "a")) {
      for (LogRecord record = log.next(); record != null; record = log.next()) {
        offsets.add(record.offset());
      }
    }
    assertThat(offsets).hasSize(COMMITS);
  }

  @AfterEach
  void close() {
    bench.close();
  }

  /** The image after the records before {@code damaged}, read from the log alone. */
  private byte[] foldUpTo(LogReader log, int damaged) throws IOException {
    byte[] image = new byte[0];
    for (int i = 0; i < damaged; i++) {
      LogRecord record = log.next();
      assertThat(record.header().maxTxid()).isEqualTo(i + 1);
      image = Arrays.copyOf(image, (int) record.header().commit() * 512);
      LtxDecoder decoder = new LtxDecoder(log.ltxSource());
      ByteBuffer page = ByteBuffer.allocate(512);
      while (decoder.nextPage(page.clear())) {
        System.arraycopy(page.array(), 0, image, (int) (decoder.pageNumber() - 1) * 512, 512);
      }
    }
    return image;
  }

  @Test
  void allBeforeADamagedRecordCanBeReadAndTheDamageIsReportedOnlyThen() throws Exception {
    for (int damaged = 1; damaged < COMMITS - 1; damaged++) {
      long start = offsets.get(damaged);
      long end = offsets.get(damaged + 1);
      for (long at : new long[] {start, start + 17, start + RecordHeader.SIZE, (start + end) / 2}) {
        byte[] bytes = whole.clone();
        bytes[(int) at] ^= 0x20;
        Files.write(bench.lastSegment("a"), bytes);
        try (LogReader log = LogReader.open(bench.root, "a")) {
          assertThat(foldUpTo(log, damaged)).isEqualTo(images.get(damaged - 1));
          assertThatThrownBy(log::next)
              .isInstanceOf(CorruptLogException.class)
              .hasMessageContaining("transaction " + (damaged + 1) + " of 'a' is damaged at offset")
              .hasMessageContaining(Long.toString(start));
        }
      }
    }
  }

  @Test
  void aDamagedFirstBlockHidesNoRecord() throws Exception {
    for (int at = 0; at < 56; at += 5) {
      if (at >= 8 && at < 12) {
        continue; // another version is named, not read
      }
      byte[] bytes = whole.clone();
      bytes[at] ^= 0x20;
      Files.write(bench.lastSegment("a"), bytes);
      try (LogReader log = LogReader.open(bench.root, "a")) {
        assertThat(foldUpTo(log, COMMITS)).as("damage at " + at).isEqualTo(images.get(COMMITS - 1));
        assertThat(log.next()).isNull();
      }
    }
  }
}
