package io.tidemark.ltx;

import static io.tidemark.ltx.LtxFileSpec.filled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidemark.ltx.LtxException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class LtxDecoderTest {

  static Map<String, byte[]> samples() {
    Map<String, byte[]> samples = new TreeMap<>();
    samples.put("snapshot", Samples.SNAPSHOT_A.encode());
    samples.put("increment", Samples.INCREMENT_B.encode());
    samples.put("deletion", Samples.DELETION_C.encode());
    samples.put("snapshot, LZ4", Samples.SNAPSHOT_A.lz4().encode());
    samples.put("increment, LZ4", Samples.INCREMENT_B.lz4().encode());
    samples.put("deletion, LZ4", Samples.DELETION_C.lz4().encode());
    samples.put("snapshot, foreign LZ4", Samples.SNAPSHOT_A_LZ4_FOREIGN);
    samples.put("snapshot of noise, LZ4", noise().lz4().encode());
    return samples;
  }

  /** Three pages that do not compress, so that LZ4 stores its blocks. */
  private static LtxFileSpec noise() {
    Random random = new Random(11);
    Map<Long, byte[]> pages = new HashMap<>();
    for (long pgno = 1; pgno <= 3; pgno++) {
      byte[] page = new byte[512];
      random.nextBytes(page);
      pages.put(pgno, page);
    }
    return LtxFileSpec.complete(LtxHeader.builder().pageSize(512).commit(3).txids(1, 9), pages);
  }

  static Iterable<String> sampleNames() {
    return samples().keySet();
  }

  private static Kind failure(byte[] file) {
    return catchThrowableOfType(LtxException.class, () -> LtxFileSpec.decode(file)).kind();
  }

  @ParameterizedTest
  @MethodSource("sampleNames")
  void everyFlippedBitIsFoundUnlessTheContentIsStillTheSame(String name) throws IOException {
    byte[] file = samples().get(name);
    LtxFileSpec original = LtxFileSpec.decode(file);
    int unnoticed = 0;
    for (int bit = 0; bit < 8 * file.length; bit++) {
      byte[] flipped = file.clone();
      flipped[bit >> 3] ^= (byte) (1 << (bit & 7));
      try {
        LtxFileSpec decoded = LtxFileSpec.decode(flipped);
        // LZ4 has several encodings of the same content, and only the content is checksummed.
        assertThat(decoded.sameAs(original)).as("bit %d", bit).isTrue();
        assertThat(original.header().isLz4()).as("bit %d", bit).isTrue();
        assertThat(bit).isGreaterThanOrEqualTo(8 * 107).isLessThan(8 * (file.length - 16));
        unnoticed++;
      } catch (LtxException expected) {
        assertThat(expected).hasMessageMatching("(?s).+");
      }
    }
    assertThat(unnoticed).isLessThan(file.length);
  }

  @ParameterizedTest
  @MethodSource("sampleNames")
  void everyTruncationIsFound(String name) throws IOException {
    byte[] file = samples().get(name);
    for (int length = 0; length < file.length; length++) {
      byte[] cut = Arrays.copyOf(file, length);
      assertThat(failure(cut)).as("length %d", length).isEqualTo(Kind.TRUNCATED);
      LtxException e =
          catchThrowableOfType(
              LtxException.class,
              () ->
                  LtxFileSpec.decode(
                      new LtxDecoder(LtxSource.of(ByteBuffer.wrap(cut)), /* mayTrail */ true)));
      assertThat(e.kind()).isEqualTo(Kind.TRUNCATED);
      assertThat(e.offset()).isEqualTo(length);
    }
  }

  @ParameterizedTest
  @MethodSource("sampleNames")
  void bytesAfterTheTrailerAreRefusedOrLeftInTheSource(String name) throws IOException {
    byte[] file = samples().get(name);
    byte[] longer = Arrays.copyOf(file, file.length + 50);
    assertThat(failure(longer)).isEqualTo(Kind.TRAILING_DATA);
    assertThat(failure(Arrays.copyOf(file, file.length + 1))).isEqualTo(Kind.TRAILING_DATA);

    ByteBuffer source = ByteBuffer.wrap(longer);
    LtxDecoder decoder = new LtxDecoder(LtxSource.of(source), true);
    LtxFileSpec decoded = LtxFileSpec.decode(decoder);

    assertThat(decoded.sameAs(LtxFileSpec.decode(file))).isTrue();
    assertThat(source.position()).isEqualTo(file.length);
    assertThat(decoder.bytesRead()).isEqualTo(file.length);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void damagedFilesGiveOnlyLtxExceptions(long seed) {
    Random random = new Random(seed);
    byte[][] files = samples().values().toArray(byte[][]::new);
    for (int round = 0; round < 4000; round++) {
      byte[] file = files[random.nextInt(files.length)].clone();
      int edits = 1 + random.nextInt(4);
      for (int i = 0; i < edits; i++) {
        int at = random.nextInt(file.length);
        switch (random.nextInt(4)) {
          case 0 -> file[at] = (byte) random.nextInt();
          case 1 -> file[at] = (byte) 0xff;
          case 2 -> Arrays.fill(file, at, Math.min(file.length, at + 4), (byte) random.nextInt());
          default -> file = Arrays.copyOf(file, Math.max(at, 1));
        }
      }
      byte[] damaged = file;
      try {
        LtxFileSpec.decode(damaged);
      } catch (LtxException expected) {
        assertThat(expected.kind()).isNotNull();
      } catch (IOException | RuntimeException e) {
        throw new AssertionError("seed " + seed + ", round " + round, e);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void filesOfAllKindsReadBackFromAnySource(long seed) throws IOException {
    Random random = new Random(seed);
    int pageSize = 512 << random.nextInt(8);
    long commit = random.nextInt(60);
    boolean snapshot = random.nextBoolean();
    SortedMap<Long, byte[]> pages = new TreeMap<>();
    for (long pgno = 1; pgno <= commit; pgno++) {
      if (snapshot || random.nextInt(3) == 0) {
        byte[] page = new byte[pageSize];
        if (random.nextBoolean()) {
          random.nextBytes(page);
        } else {
          Arrays.fill(page, 0, random.nextInt(pageSize), (byte) random.nextInt());
        }
        pages.put(pgno, page);
      }
    }
    LtxHeader.Builder header =
        LtxHeader.builder()
            .flags(random.nextInt(2))
            .pageSize(pageSize)
            .commit(commit)
            .txids(snapshot ? 1 : 2, random.nextLong() | Long.MIN_VALUE)
            .timestampMillis(random.nextLong())
            .preApplyChecksum(snapshot ? 0 : random.nextLong() | Checksum.FLAG)
            .nodeId(random.nextLong());
    LtxFileSpec spec =
        snapshot || commit == 0
            ? LtxFileSpec.complete(header, pages)
            : LtxFileSpec.of(header, pages, random.nextLong() | Checksum.FLAG);
    byte[] file = spec.encode();
    LtxFileSpec decoded = LtxFileSpec.decode(file);
    String seedText = "seed " + seed;
    assertThat(decoded.header()).as(seedText).isEqualTo(spec.header());
    assertThat(decoded.postApply()).as(seedText).isEqualTo(spec.postApply());
    assertThat(LtxFileSpec.samePages(decoded.pages(), pages)).as(seedText).isTrue();

    ByteArrayInputStream in = new ByteArrayInputStream(file);
    assertThat(LtxFileSpec.decode(LtxDecoder.of(in)).sameAs(decoded)).as(seedText).isTrue();
    in.reset();
    assertThat(LtxFileSpec.decode(LtxDecoder.of(Channels.newChannel(in))).sameAs(decoded))
        .as(seedText)
        .isTrue();
    ByteBuffer readOnly = ByteBuffer.wrap(file).asReadOnlyBuffer();
    assertThat(LtxFileSpec.decode(LtxDecoder.of(readOnly)).sameAs(decoded)).as(seedText).isTrue();
    for (boolean mayTrail : new boolean[] {false, true}) {
      LtxSource dribble = dribble(file, random);
      assertThat(LtxFileSpec.decode(new LtxDecoder(dribble, mayTrail)).sameAs(decoded))
          .as(seedText)
          .isTrue();
    }
    assertThat(LtxDecoder.verify(spec.source())).as(seedText).isEqualTo(spec.header());
  }

  /** A source that gives few bytes at a time and sometimes none. */
  private static LtxSource dribble(byte[] file, Random random) {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    return dst -> {
      int n = Math.min(Math.min(random.nextInt(900), dst.remaining()), bytes.remaining());
      if (!bytes.hasRemaining()) {
        return -1;
      }
      dst.put(bytes.array(), bytes.position(), n);
      bytes.position(bytes.position() + n);
      return n;
    };
  }

  @Test
  void aDecoderCanBeUsedAgainEvenAfterFailure() throws IOException {
    LtxDecoder decoder = new LtxDecoder(Samples.SNAPSHOT_A.lz4().source());
    decoder.drain();
    decoder.drain();
    assertThat(decoder.nextPage(ByteBuffer.allocate(512))).isFalse();
    assertThat(decoder.postPos()).isEqualTo(Pos.of(1, Samples.POST_A));

    byte[] damaged = Samples.INCREMENT_B.encode();
    damaged[700] ^= 1;
    decoder.reset(LtxSource.of(ByteBuffer.wrap(damaged)), false);
    assertThatThrownBy(decoder::drain).isInstanceOf(LtxException.class);
    assertThatThrownBy(decoder::drain).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(decoder::trailer).isInstanceOf(IllegalStateException.class);

    decoder.reset(Samples.MERGED_D.source(), false);
    decoder.drain();
    assertThat(decoder.postPos()).isEqualTo(Pos.of(2, Samples.POST_B));
  }

  @Test
  void pagesComeWithNumberAndChecksum() throws IOException {
    LtxDecoder decoder = new LtxDecoder(Samples.SNAPSHOT_A.source());
    ByteBuffer dst = ByteBuffer.allocateDirect(1100).position(5);

    assertThat(decoder.nextPage(dst)).isTrue();
    assertThat(dst.position()).isEqualTo(517);
    assertThat(decoder.pageNumber()).isEqualTo(1);
    assertThat(decoder.pageChecksum()).isEqualTo(0xc6e57aa102377eeeL);
    assertThatThrownBy(decoder::trailer).isInstanceOf(IllegalStateException.class);
    assertThat(decoder.nextPage(dst)).isTrue();
    assertThat(decoder.pageNumber()).isEqualTo(2);
    assertThat(decoder.pageChecksum()).isEqualTo(0xcd62389fecd99000L);
    assertThat(decoder.pageCrc() | Checksum.FLAG).isEqualTo(decoder.pageChecksum());
    dst.clear();
    assertThat(decoder.nextPage(dst)).isFalse();
    assertThat(dst.position()).isZero();
    assertThat(decoder.trailer().postApplyChecksum()).isEqualTo(Samples.POST_A);
  }

  @Test
  void tooSmallAPageBufferIsTheCallersMistakeAndChangesNothing() throws IOException {
    LtxDecoder decoder = new LtxDecoder(Samples.SNAPSHOT_A.source());

    assertThatThrownBy(() -> decoder.nextPage(ByteBuffer.allocate(511)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(decoder.nextPage(ByteBuffer.allocate(512))).isTrue();
  }

  /** Files with correct file checksum that break a rule about pages. */
  private static byte[] forged(LtxHeader.Builder header, long postApply, int... pgnos) {
    LtxHeader built = header.pageSize(512).build();
    ByteBuffer file = ByteBuffer.allocate(100 + 516 * pgnos.length + 20);
    built.encode(file);
    for (int pgno : pgnos) {
      file.putInt(pgno).put(filled(512, pgno));
    }
    file.putInt(0).putLong(postApply);
    file.putLong(Crc64.update(0, file, 0, file.position()) | Checksum.FLAG);
    return file.array();
  }

  private static LtxHeader.Builder increment(long commit) {
    return LtxHeader.builder().commit(commit).txid(2).preApplyChecksum(Checksum.FLAG);
  }

  @Test
  void pagesThatBreakTheRulesAreRefusedEvenWithGoodChecksums() throws IOException {
    long mark = Checksum.FLAG;
    assertThat(LtxFileSpec.decode(forged(increment(9), mark, 3, 4, 9)).pages()).hasSize(3);
    assertThat(failure(forged(increment(9), mark, 4, 3))).isEqualTo(Kind.BAD_PAGE);
    assertThat(failure(forged(increment(9), mark, 4, 4))).isEqualTo(Kind.BAD_PAGE);
    assertThat(failure(forged(increment(9), mark, 10))).isEqualTo(Kind.BAD_PAGE);
    assertThat(failure(forged(increment(9), mark, -1))).isEqualTo(Kind.BAD_PAGE);
    assertThat(failure(forged(increment(0), mark, 1))).isEqualTo(Kind.BAD_PAGE);
    assertThat(failure(forged(increment(3_000_000), mark, 2097153))).isEqualTo(Kind.BAD_PAGE);
    assertThat(LtxFileSpec.decode(forged(increment(0xffffffffL), mark, 1, 1 << 31, -1)).pages())
        .containsOnlyKeys(1L, 1L << 31, 0xffffffffL);
  }

  @Test
  void incompleteSnapshotsAreRefusedEvenWithGoodChecksums() {
    LtxHeader.Builder header = LtxHeader.builder().commit(3).txid(1);
    long mark = Checksum.FLAG;

    assertThat(failure(forged(header, mark, 1, 2))).isEqualTo(Kind.MISSING_PAGE);
    assertThat(failure(forged(header, mark, 1, 3))).isEqualTo(Kind.MISSING_PAGE);
    assertThat(failure(forged(header, mark, 2, 3))).isEqualTo(Kind.MISSING_PAGE);
    assertThat(failure(forged(header, mark))).isEqualTo(Kind.MISSING_PAGE);
    assertThat(failure(forged(header, mark, 1, 2, 3))).isEqualTo(Kind.CHECKSUM_MISMATCH);
  }

  @Test
  void impossiblePostApplyChecksumsAreRefused() {
    assertThat(failure(forged(increment(3), 5, 1))).isEqualTo(Kind.BAD_TRAILER);
    assertThat(failure(forged(increment(3), 0, 1))).isEqualTo(Kind.BAD_TRAILER);
    assertThat(failure(forged(increment(0), Checksum.FLAG | 1))).isEqualTo(Kind.CHECKSUM_MISMATCH);
  }

  @Test
  void aSnapshotOfADeletedDatabaseIsValid() throws IOException {
    byte[] file = forged(LtxHeader.builder().commit(0).txids(1, 7), Checksum.FLAG);

    assertThat(LtxFileSpec.decode(file).header().commit()).isZero();
  }

  @Test
  void reservedBytesAreIgnoredButChecksummed() throws IOException {
    byte[] file = Samples.DELETION_C.encode();
    file[90] = 1;
    assertThat(failure(file)).isEqualTo(Kind.CHECKSUM_MISMATCH);

    ByteBuffer buffer = ByteBuffer.wrap(file);
    buffer.putLong(112, Crc64.update(0, buffer, 0, 112) | Checksum.FLAG);
    assertThat(LtxFileSpec.decode(file).header()).isEqualTo(Samples.DELETION_C.header());
  }

  @Test
  void filesOfLaterGenerationsAreRefused() {
    byte[] laterGeneration = Samples.SNAPSHOT_A.encode();
    laterGeneration[7] = 2;

    assertThat(failure(laterGeneration)).isEqualTo(Kind.UNSUPPORTED_FLAGS);
  }

  @Test
  void sourcesThatNeverDeliverDoNotHangTheDecoder() {
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () -> assertThatThrownBy(() -> new LtxDecoder(dst -> 0)).isInstanceOf(IOException.class));
  }

  @Test
  void sourcesThatClaimMoreThanTheyWereAskedForAreRefused() {
    assertThatThrownBy(() -> new LtxDecoder(dst -> dst.remaining() + 1))
        .isInstanceOf(IOException.class);
  }

  @Test
  void failuresOfTheSourcePassThrough() {
    IOException broken = new IOException("connection reset");

    assertThatThrownBy(
            () ->
                new LtxDecoder(
                    dst -> {
                      throw broken;
                    }))
        .isSameAs(broken);
  }
}
