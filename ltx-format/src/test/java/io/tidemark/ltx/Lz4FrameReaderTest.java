package io.tidemark.ltx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.management.ThreadMXBean;
import io.tidemark.ltx.LtxException.Kind;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import net.jpountz.xxhash.XXHashFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Frames with options our own writer never chooses. The frames in the resources were made with the
 * lz4 command line tool 1.9.4 from the page block of {@link #pages()}.
 */
class Lz4FrameReaderTest {

  private static final int PAGES = 40;
  private static final int PAGE_SIZE = 4096;

  private static SortedMap<Long, byte[]> pages() {
    byte[] base = new byte[PAGE_SIZE];
    new Random(7).nextBytes(base);
    SortedMap<Long, byte[]> pages = new TreeMap<>();
    for (int pgno = 1; pgno <= PAGES; pgno++) {
      byte[] page = new byte[PAGE_SIZE];
      for (int i = 0; i < PAGE_SIZE; i++) {
        page[i] = base[(i + pgno * 11) % PAGE_SIZE];
      }
      page[0] = (byte) pgno;
      pages.put((long) pgno, page);
    }
    return pages;
  }

  private static LtxFileSpec snapshot() {
    return LtxFileSpec.complete(
        LtxHeader.builder().lz4(true).pageSize(PAGE_SIZE).commit(PAGES).txid(1), pages());
  }

  /** The LTX file of {@link #snapshot} around a frame made elsewhere. */
  private static byte[] around(byte[] frame) {
    byte[] own = snapshot().encode();
    ByteBuffer file = ByteBuffer.allocate(100 + frame.length + 16);
    file.put(own, 0, 100).put(frame).put(own, own.length - 16, 16);
    return file.array();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "linked",
        "linked-block-checksums-content-size",
        "independent-256k",
        "independent-block-checksums-no-content-checksum"
      })
  void framesWithOtherOptionsDecode(String name) throws IOException {
    byte[] file = around(GoldenValuesTest.resource("lz4/" + name + ".lz4"));

    LtxFileSpec decoded = LtxFileSpec.decode(file);
    assertThat(LtxFileSpec.samePages(decoded.pages(), pages())).isTrue();

    ByteBuffer source = ByteBuffer.wrap(Arrays.copyOf(file, file.length + 9));
    LtxFileSpec.decode(new LtxDecoder(LtxSource.of(source), true));
    assertThat(source.remaining()).isEqualTo(9);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "linked",
        "linked-block-checksums-content-size",
        "independent-256k",
        "independent-block-checksums-no-content-checksum"
      })
  void damageToSuchFramesIsFound(String name) throws IOException {
    byte[] file = around(GoldenValuesTest.resource("lz4/" + name + ".lz4"));
    LtxFileSpec original = LtxFileSpec.decode(file);
    for (int at = 100; at < file.length; at += at < 200 || at > file.length - 60 ? 1 : 23) {
      for (int flip : new int[] {1, 0x40, 0xff}) {
        byte[] damaged = file.clone();
        damaged[at] ^= (byte) flip;
        try {
          assertThat(LtxFileSpec.decode(damaged).sameAs(original)).as("byte %d", at).isTrue();
        } catch (LtxException expected) {
          assertThat(expected.kind()).isNotNull();
        }
      }
    }
  }

  @Test
  void blocksAreCutWithoutRegardToPages() throws IOException {
    LtxFileSpec spec = snapshot();

    LtxFileSpec decoded = LtxFileSpec.decode(spec.encode());

    assertThat(LtxFileSpec.samePages(decoded.pages(), spec.pages())).isTrue();
  }

  /** A compressed deletion file with another frame descriptor and block section. */
  private static byte[] deletion(int flags, int sizes, int... rest) {
    ByteBuffer file = ByteBuffer.allocate(200).order(ByteOrder.LITTLE_ENDIAN);
    Samples.DELETION_C.lz4().header().encode(file);
    file.putInt(0x184d2204).put((byte) flags).put((byte) sizes);
    int descriptor = (flags & 8) != 0 ? 10 : 2;
    int next = 0;
    for (int i = 2; i < descriptor; i++) {
      file.put((byte) rest[next++]);
    }
    int hash = XXHashFactory.fastestInstance().hash32().hash(file.array(), 104, descriptor, 0);
    file.put((byte) (hash >>> 8));
    while (next < rest.length) {
      file.put((byte) rest[next++]);
    }
    file.order(ByteOrder.BIG_ENDIAN).putLong(Checksum.FLAG).putLong(0x8f0886bb988ca7b6L);
    return Arrays.copyOf(file.array(), file.position());
  }

  private static Kind failure(byte[] file) {
    return catchThrowableOfType(LtxException.class, () -> LtxFileSpec.decode(file)).kind();
  }

  @Test
  void aFrameWithoutContentChecksumDecodes() throws IOException {
    assertThat(LtxFileSpec.decode(deletion(0x60, 0x40, 4, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0)))
        .isNotNull();
  }

  @ParameterizedTest
  @CsvSource({
    "0x24, 0x40, BAD_LZ4",
    "0xa4, 0x40, BAD_LZ4",
    "0x66, 0x40, BAD_LZ4",
    "0x64, 0xc0, BAD_LZ4",
    "0x64, 0x41, BAD_LZ4",
    "0x64, 0x30, BAD_LZ4",
    "0x65, 0x40, UNSUPPORTED_LZ4"
  })
  void descriptorsOutsideTheSpecificationAreRefused(String flags, String sizes, Kind kind) {
    assertThat(
            failure(
                deletion(Integer.decode(flags), Integer.decode(sizes), 4, 0, 0, 0x80, 0, 0, 0, 0)))
        .isEqualTo(kind);
  }

  @ParameterizedTest
  @CsvSource({"3", "5", "255"})
  void aWrongContentSizeIsRefused(int size) {
    assertThat(
            failure(
                deletion(
                    0x68, 0x40, size, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0)))
        .isEqualTo(Kind.BAD_LZ4);
  }

  @Test
  void contentAfterTheEndMarkerIsRefused() {
    assertThat(failure(deletion(0x60, 0x40, 5, 0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0)))
        .isEqualTo(Kind.BAD_LZ4);
    assertThat(
            failure(deletion(0x60, 0x40, 4, 0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0x80, 1, 0, 0, 0, 0)))
        .isEqualTo(Kind.BAD_LZ4);
  }

  @Test
  void aFrameThatEndsWithoutEndMarkerIsRefused() {
    assertThat(failure(deletion(0x60, 0x40, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0)))
        .isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x60, 0x40, 0, 0, 0, 0))).isEqualTo(Kind.BAD_LZ4);
  }

  @Test
  void emptyAndOversizedBlocksAreRefused() {
    assertThat(failure(deletion(0x60, 0x40, 0, 0, 0, 0x80))).isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x60, 0x40, 1, 0, 0, 0, 0))).isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x40, 0x40, 1, 0, 0, 0, 0))).isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x60, 0x40, 1, 0, 1, 0))).isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x60, 0x40, 0xff, 0xff, 0xff, 0x7f))).isEqualTo(Kind.BAD_LZ4);
    assertThat(failure(deletion(0x60, 0x70, 0xff, 0xff, 0xff, 0xff))).isEqualTo(Kind.BAD_LZ4);
  }

  @Test
  void malformedLinkedBlocksAreRefused() {
    // literals cut off; distance 0; distance before the data; match at the end; no room; overrun
    int[][] blocks = {
      {0x50, 1, 2},
      {0xf0},
      {0xf0, 255, 255},
      {0x10, 0, 0, 0},
      {0x10, 0, 2, 0, 0},
      {0x10, 0, 1, 0},
      {0x10, 0, 1},
      {0x1f, 0, 1, 0},
      {0x1f, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0}
    };
    for (int[] block : blocks) {
      int[] section = new int[4 + block.length];
      section[0] = block.length;
      System.arraycopy(block, 0, section, 4, block.length);
      assertThat(failure(deletion(0x40, 0x40, section)))
          .as(Arrays.toString(block))
          .isEqualTo(Kind.BAD_LZ4);
    }
  }

  @Test
  void aLinkedBlockMayRepeatTheBlockBefore() throws IOException {
    // The end marker as a stored 0, then a block "literal 0, distance 1" would exceed four bytes;
    // so: three stored zeros, then one literal zero.
    assertThat(
            LtxFileSpec.decode(
                deletion(0x40, 0x40, 3, 0, 0, 0x80, 0, 0, 0, 2, 0, 0, 0, 0x10, 0, 0, 0, 0, 0)))
        .isNotNull();
  }

  @Test
  void claimsOfHugeBlocksCostNoMoreThanABlock() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    byte[] file = deletion(0x60, 0x70, 0, 0, 0x40, 0);
    long before = threads.getCurrentThreadAllocatedBytes();

    assertThat(failure(file)).isEqualTo(Kind.TRUNCATED);

    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(9 << 20);
  }
}
