package io.tidemark.ltx;

import static io.tidemark.ltx.LtxFileSpec.filled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LtxEncoderTest {

  private static final LtxSink NOWHERE = src -> src.position(src.limit());
  private static final long MARK = Checksum.FLAG;

  private final LtxEncoder encoder = new LtxEncoder();

  private static LtxHeader increment(long commit) {
    return LtxHeader.builder().pageSize(512).commit(commit).txid(5).preApplyChecksum(MARK).build();
  }

  private static LtxHeader snapshot(long commit) {
    return LtxHeader.builder().pageSize(512).commit(commit).txid(1).build();
  }

  private static ByteBuffer page(int value) {
    return ByteBuffer.wrap(filled(512, value));
  }

  @Test
  void pagesAndEndNeedAnOpenFile() throws IOException {
    assertThatThrownBy(() -> encoder.page(1, page(1))).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalStateException.class);

    encoder.begin(increment(1), NOWHERE);
    encoder.end(MARK);

    assertThatThrownBy(() -> encoder.page(1, page(1))).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anOpenFileHasToBeFinishedOrGivenUp() throws IOException {
    encoder.begin(increment(1), NOWHERE);
    assertThatThrownBy(() -> encoder.begin(increment(1), NOWHERE))
        .isInstanceOf(IllegalStateException.class);

    encoder.reset(increment(2), NOWHERE);
    encoder.page(2, page(2));
    encoder.reset();
    encoder.begin(increment(2), NOWHERE);
    encoder.end(MARK);
  }

  @Test
  void anInvalidHeaderOpensNothing() {
    assertThatThrownBy(() -> encoder.begin(increment(1).toBuilder().pageSize(513).build(), NOWHERE))
        .isInstanceOf(LtxException.class);
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, 11, 0x100000001L, Long.MAX_VALUE})
  void pageNumbersOutsideTheDatabaseAreRefused(long pgno) throws IOException {
    encoder.begin(increment(10), NOWHERE);

    assertThatThrownBy(() -> encoder.page(pgno, page(1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void pagesOutOfOrderAreRefusedAndTheFileCanGoOn() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    encoder.begin(increment(10), LtxFileSpec.sink(out));
    encoder.page(4, page(4));
    assertThatThrownBy(() -> encoder.page(4, page(4))).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> encoder.page(3, page(3))).isInstanceOf(IllegalArgumentException.class);
    encoder.page(10, page(10));
    encoder.end(MARK);

    assertThat(LtxFileSpec.decode(out.toByteArray()).pages().keySet()).containsExactly(4L, 10L);
  }

  @Test
  void theLockPageIsRefused() throws IOException {
    encoder.begin(increment(3_000_000), NOWHERE);

    assertThatThrownBy(() -> encoder.page(2097153, page(1)))
        .isInstanceOf(IllegalArgumentException.class);
    encoder.page(2097154, page(1));
  }

  @Test
  void pagesOfWrongSizeAreRefused() throws IOException {
    encoder.begin(increment(10), NOWHERE);

    assertThatThrownBy(() -> encoder.page(1, ByteBuffer.allocate(511)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> encoder.page(1, ByteBuffer.allocate(513)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void snapshotsHaveEveryPage() throws IOException {
    encoder.begin(snapshot(3), NOWHERE);
    assertThatThrownBy(() -> encoder.page(2, page(2))).isInstanceOf(IllegalArgumentException.class);
    encoder.page(1, page(1));
    assertThatThrownBy(() -> encoder.page(3, page(3))).isInstanceOf(IllegalArgumentException.class);
    encoder.page(2, page(2));
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalStateException.class);
    encoder.page(3, page(3));
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalArgumentException.class);
    encoder.end(
        LtxFileSpec.rolling(Map.of(1L, filled(512, 1), 2L, filled(512, 2), 3L, filled(512, 3))));
  }

  @Test
  void theMarkInThePostApplyChecksumIsRequired() throws IOException {
    encoder.begin(increment(3), NOWHERE);

    assertThatThrownBy(() -> encoder.end(1)).isInstanceOf(IllegalArgumentException.class);
    encoder.end(MARK | 1);
  }

  @Test
  void aDeletedDatabaseHasTheEmptyChecksum() throws IOException {
    encoder.begin(increment(0), NOWHERE);

    assertThatThrownBy(() -> encoder.end(MARK | 1)).isInstanceOf(IllegalArgumentException.class);
    encoder.end(PageChecksums.EMPTY);
  }

  @Test
  void allThreeWaysToPassAPageGiveTheSameFile() throws IOException {
    ByteBuffer direct = ByteBuffer.allocateDirect(600).position(40).limit(552);
    direct.put(40, filled(512, 9));
    List<byte[]> files = new ArrayList<>();
    for (int way = 0; way < 3; way++) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      encoder.begin(increment(9), LtxFileSpec.sink(out));
      switch (way) {
        case 0 -> encoder.page(7, direct);
        case 1 -> encoder.page(7, direct, PageChecksums.ofPage(7, direct, 40, 512));
        default -> encoder.pageWithCrc(7, direct, PageChecksums.crcOfPage(7, direct, 40, 512));
      }
      encoder.end(MARK | 3);
      files.add(out.toByteArray());
    }

    assertThat(files.get(1)).isEqualTo(files.get(0));
    assertThat(files.get(2)).isEqualTo(files.get(0));
    assertThat(direct.position()).isEqualTo(40);
    assertThat(direct.limit()).isEqualTo(552);
  }

  @Test
  void aPageThatLostItsChecksumIsRefused() throws IOException {
    encoder.begin(increment(9), NOWHERE);
    long checksum = PageChecksums.ofPage(7, page(9), 0, 512);

    assertThatThrownBy(() -> encoder.page(7, page(8), checksum))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> encoder.page(8, page(9), checksum))
        .isInstanceOf(IllegalArgumentException.class);
    encoder.page(7, page(9), checksum);
  }

  @Test
  void aFailingSinkEndsTheFileButNotTheEncoder() throws IOException {
    LtxSink full =
        src -> {
          throw new IOException("disk full");
        };
    encoder.begin(increment(1000), full);
    assertThatThrownBy(
            () -> {
              for (int pgno = 1; pgno <= 1000; pgno++) {
                encoder.page(pgno, page(1));
              }
            })
        .hasMessage("disk full");
    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> encoder.page(1000, page(1))).isInstanceOf(IllegalStateException.class);

    ByteArrayOutputStream out = new ByteArrayOutputStream();
    encoder.begin(Samples.DELETION_C.header(), LtxFileSpec.sink(out));
    encoder.end(MARK);
    assertThat(out.toByteArray()).isEqualTo(Samples.DELETION_C.encode());
  }

  @Test
  void aSinkThatLeavesBytesBehindIsAnError() throws IOException {
    encoder.begin(increment(1), src -> src.get());

    assertThatThrownBy(() -> encoder.end(MARK)).isInstanceOf(IOException.class);
  }

  @Test
  void aSmallTransactionReachesTheSinkInOneWrite() throws IOException {
    for (int flags = 0; flags <= 1; flags++) {
      int[] writes = new int[1];
      long[] bytes = new long[1];
      encoder.begin(
          increment(9).toBuilder().flags(flags).build(),
          src -> {
            writes[0]++;
            bytes[0] += src.remaining();
            src.position(src.limit());
          });
      encoder.page(1, page(1));
      encoder.page(9, page(9));
      encoder.end(MARK);

      assertThat(writes[0]).isEqualTo(1);
      assertThat(encoder.bytesWritten()).isEqualTo(bytes[0]);
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 4096", "1, 4096", "0, 65536", "1, 65536"})
  void encodingAllocatesNothingPerPage(int flags, int pageSize) throws IOException {
    LtxHeader header = increment(1_000_000).toBuilder().flags(flags).pageSize(pageSize).build();
    ByteBuffer page = ByteBuffer.allocateDirect(pageSize);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long perCommit = Long.MAX_VALUE;
    for (int round = 0; round < 5; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int commit = 0; commit < 100; commit++) {
        encoder.begin(header, NOWHERE);
        for (int pgno = 1; pgno <= 20; pgno++) {
          page.putLong(pgno * 64, pgno);
          encoder.pageWithCrc(pgno, page, PageChecksums.crcOfPage(pgno, page, 0, pageSize));
        }
        encoder.end(MARK);
      }
      perCommit = Math.min(perCommit, (threads.getCurrentThreadAllocatedBytes() - before) / 100);
    }

    // What is left belongs to the file, such as boxed keys; twenty pages would show.
    assertThat(perCommit).isLessThan(200);
  }
}
