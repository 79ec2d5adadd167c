package io.tidemark.ltx;

import static io.tidemark.ltx.LtxFileSpec.filled;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Values that another implementation of the format has produced. */
class GoldenValuesTest {

  @ParameterizedTest
  @CsvSource({
    "1, 0, 512, efb1f44fecd99000",
    "1, 0, 4096, d9328f592d9e733d",
    "2, 0, 4096, f7901e47304ca33f",
    "1, 120, 4096, bc819772522d4042",
    "1, 50, 512, c6e57aa102377eee",
    "2, 51, 512, cd62389fecd99000",
    "1, 1, 512, e4e4aaa102377eee",
    "1, 5, 512, 99b1d11ab98cc555"
  })
  void pageChecksums(int pgno, int fill, int size, String expected) {
    byte[] page = filled(size, fill);

    assertThat(new Checksum(PageChecksums.ofPage(pgno, ByteBuffer.wrap(page), 0, size)))
        .hasToString(expected);
    assertThat(new Checksum(PageChecksums.ofPage(pgno, page, 0, size))).hasToString(expected);
  }

  @Test
  void rollingChecksums() {
    assertThat(
            LtxFileSpec.rolling(Map.of(1L, filled(512, 1), 2L, filled(512, 2), 3L, filled(512, 3))))
        .isEqualTo(0xefffffffecd99000L);
    assertThat(LtxFileSpec.rolling(Map.of(1L, filled(1024, '2'), 2L, filled(1024, '3'))))
        .isEqualTo(0xe1899b6d587aaaaaL);
    assertThat(LtxFileSpec.rolling(Map.of(1L, filled(512, '2'), 2L, filled(512, '3'))))
        .isEqualTo(0x8b87423eeeeeeeeeL);
  }

  @Test
  void swappedContentsOfTwoPagesAreInvisibleToTheRollingChecksum() {
    // Not a wish but a property of the format; nobody may take equal checksums for a proof.
    byte[] a = filled(512, 7);
    byte[] b = filled(512, 9);

    assertThat(LtxFileSpec.rolling(Map.of(1L, a, 2L, b)))
        .isEqualTo(LtxFileSpec.rolling(Map.of(1L, b, 2L, a)));
  }

  @Test
  void lockPages() {
    assertThat(PageChecksums.lockPage(4096)).isEqualTo(262145);
    assertThat(PageChecksums.lockPage(512)).isEqualTo(2097153);
    assertThat(PageChecksums.lockPage(65536)).isEqualTo(16385);
  }

  @Test
  void aFileWrittenByLiteFsDecodesAndEncodesToTheSameBytes() throws IOException {
    byte[] file = resource("litefs-three-pages.ltx");
    assertThat(LtxFileSpec.sha256(file)).startsWith("79a22871c930cd51");

    LtxFileSpec spec = LtxFileSpec.decode(file);

    assertThat(spec.header().commit()).isEqualTo(10);
    assertThat(spec.header().minTxid()).isEqualTo(13);
    assertThat(spec.header().preApplyChecksum()).isEqualTo(0x9c74a15b4e4f246cL);
    assertThat(spec.pages().keySet()).containsExactly(1L, 7L, 8L);
    assertThat(PageChecksums.ofPage(1, spec.pages().get(1L), 0, 4096))
        .isEqualTo(0xadf3e188cb5dc241L);
    assertThat(PageChecksums.ofPage(7, spec.pages().get(7L), 0, 4096))
        .isEqualTo(0xeaf0947b2055d648L);
    assertThat(PageChecksums.ofPage(8, spec.pages().get(8L), 0, 4096))
        .isEqualTo(0x9a7407c73d4bb9daL);
    assertThat(spec.postApply()).isEqualTo(0xfe3831a381c602b9L);
    assertThat(spec.fileChecksum()).isEqualTo(0x9496a29358326fb5L);
    assertThat(spec.encode()).isEqualTo(file);
  }

  @Test
  void snapshot() throws IOException {
    assertFile(
        Samples.SNAPSHOT_A,
        "49d7a1bb3948903bec7f51b0182ecc916547e39cc41adea3becf5c2fb2f44bbd",
        0xf796d63c55ca7f39L);
  }

  @Test
  void incrementWithWalFieldsAndNode() throws IOException {
    byte[] file =
        assertFile(
            Samples.INCREMENT_B,
            "9e23a83b0f450088bed3891afbbd1336f34dae2f77036b2eef02cf8e5e88d3cd",
            0x9565716d79fe9c17L);
    assertThat(Arrays.copyOf(file, 100))
        .isEqualTo(
            LtxFileSpec.hex(
                "4c5458310000000000000200000000030000000000000002000000000000000200000000000007d0"
                    + "8b87423eeeeeeeee0000000000000020000000000000043001020304050607081122334455667788"
                    + "00".repeat(20)));
  }

  @Test
  void deletion() throws IOException {
    byte[] file =
        assertFile(
            Samples.DELETION_C,
            "f7c20c6261b59216fce370c80a71b4df6983d080579a91681e8ea057b067322d",
            0x8e5892eadd98f7a3L);
    assertThat(file)
        .isEqualTo(
            LtxFileSpec.hex(
                "4c545831000000000000020000000000000000000000000300000000000000030000000000000bb8"
                    + "cdfe2fffecd99000"
                    + "00".repeat(52)
                    + "0000000080000000000000008e5892eadd98f7a3"));
  }

  @Test
  void mergedFile() throws IOException {
    assertFile(
        Samples.MERGED_D,
        "dc63adc25bf45273cb2880258079a39ca2206d9593db05f978bc2f0d16c56707",
        0xddac4bed48e30303L);
    assertThat(compact(0, LtxCompactor.Strictness.STRICT, Samples.SNAPSHOT_A, Samples.INCREMENT_B))
        .isEqualTo(Samples.MERGED_D.encode());
  }

  private static byte[] assertFile(LtxFileSpec spec, String sha256, long fileChecksum)
      throws IOException {
    byte[] file = spec.encode();
    assertThat(LtxFileSpec.sha256(file)).isEqualTo(sha256);
    assertThat(LtxFileSpec.decode(file).fileChecksum()).isEqualTo(fileChecksum);
    return file;
  }

  @Test
  void compressedFilesHaveTheSameChecksumsWhateverTheCompressor() throws IOException {
    assertCompressed(Samples.SNAPSHOT_A, 0x828d4f9f3e7bb9f8L);
    assertCompressed(Samples.INCREMENT_B, 0xe07ee8ce124f5ad6L);
    assertCompressed(Samples.DELETION_C, 0x8f0886bb988ca7b6L);
    assertCompressed(Samples.MERGED_D, 0xa6e51fb4165c7f2cL);
  }

  private static void assertCompressed(LtxFileSpec plain, long fileChecksum) throws IOException {
    byte[] file = plain.lz4().encode();
    assertThat(Arrays.copyOfRange(file, 100, 107)).isEqualTo(LtxFileSpec.hex("04224d186440a7"));
    assertThat(file.length).isLessThan(200);
    LtxFileSpec decoded = LtxFileSpec.decode(file);
    assertThat(decoded.fileChecksum()).isEqualTo(fileChecksum);
    assertThat(LtxFileSpec.samePages(decoded.pages(), plain.pages())).isTrue();
  }

  @Test
  void compressedDeletionIsTheSameByteForByte() {
    assertThat(Samples.DELETION_C.lz4().encode())
        .isEqualTo(
            LtxFileSpec.hex(
                "4c545831000000010000020000000000000000000000000300000000000000030000000000000bb8"
                    + "cdfe2fffecd99000"
                    + "00".repeat(52)
                    + "04224d186440a7040000800000000000000000"
                    + "69d9d60880000000000000008f0886bb988ca7b6"));
  }

  @Test
  void aFileCompressedElsewhereDecodes() throws IOException {
    assertThat(Samples.SNAPSHOT_A_LZ4_FOREIGN).hasSize(170);

    LtxFileSpec decoded = LtxFileSpec.decode(Samples.SNAPSHOT_A_LZ4_FOREIGN);

    assertThat(decoded.header()).isEqualTo(Samples.SNAPSHOT_A.lz4().header());
    assertThat(LtxFileSpec.samePages(decoded.pages(), Samples.SNAPSHOT_A.pages())).isTrue();
    assertThat(decoded.fileChecksum()).isEqualTo(0x828d4f9f3e7bb9f8L);
  }

  @Test
  void compressedSnapshotOfFourTransactions() throws IOException {
    LtxFileSpec spec =
        LtxFileSpec.complete(
            LtxHeader.builder().flags(1).pageSize(512).commit(2).txids(1, 4),
            Map.of(1L, filled(512, 3), 2L, filled(512, 2)));

    assertThat(spec.postApply()).isEqualTo(0x8b87423eeeeeeeeeL);
    assertThat(LtxFileSpec.decode(spec.encode()).fileChecksum()).isEqualTo(0xb8e6a652b0ec8453L);
  }

  @Test
  void fileChecksumOfASnapshotWithMadeUpPostApplyChecksum() {
    // Our encoder refuses such a file, so its bytes are put together here.
    ByteBuffer file = ByteBuffer.allocate(1152);
    LtxHeader.builder().pageSize(512).commit(2).txids(1, 4).build().encode(file);
    file.putInt(1).put(filled(512, 3)).putInt(2).put(filled(512, 2)).putInt(0);
    file.putLong(Checksum.FLAG | 3000);

    assertThat(Crc64.update(0, file, 0, file.position()) | Checksum.FLAG)
        .isEqualTo(0xc8d8c55bde12fe8dL);
  }

  @Test
  void singleFileThroughTheMerge() throws IOException {
    LtxFileSpec spec =
        LtxFileSpec.of(
            LtxHeader.builder().pageSize(512).commit(1).txid(1).timestampMillis(1000),
            Map.of(1L, filled(512, '1')),
            0xeb1a999231044dddL);

    byte[] merged = compact(0, LtxCompactor.Strictness.STRICT, spec);

    assertThat(merged).isEqualTo(spec.encode());
    assertThat(LtxFileSpec.decode(merged).fileChecksum()).isEqualTo(0xbab9b3d8b4fa3b31L);
  }

  @Test
  void mergeOfSnapshotAndIncrement() throws IOException {
    byte[] merged =
        compact(
            0,
            LtxCompactor.Strictness.STRICT,
            LtxFileSpec.of(
                header(3, 1, 1, 1000, 0),
                Map.of(1L, filled(1024, 0x81), 2L, filled(1024, 0x82), 3L, filled(1024, 0x83)),
                0x8a249272ad9f7deaL),
            LtxFileSpec.of(
                header(3, 2, 2, 2000, 0x8a249272ad9f7deaL),
                Map.of(1L, filled(1024, 0x91), 3L, filled(1024, 0x93)),
                0x8a249272ad9f7deaL));

    assertThat(LtxFileSpec.decode(merged).fileChecksum()).isEqualTo(0xcaf341fe1e6cddfbL);
  }

  @Test
  void mergeOfThreeIncrements() throws IOException {
    byte[] merged =
        compact(
            0,
            LtxCompactor.Strictness.LENIENT,
            LtxFileSpec.of(
                header(3, 2, 3, 1000, Checksum.FLAG | 2),
                Map.of(3L, filled(1024, 0x83)),
                Checksum.FLAG | 3),
            LtxFileSpec.of(
                header(3, 4, 5, 2000, Checksum.FLAG | 4),
                Map.of(1L, filled(1024, 0x91)),
                Checksum.FLAG | 5),
            LtxFileSpec.of(
                header(5, 6, 9, 3000, Checksum.FLAG | 6),
                Map.of(2L, filled(1024, 0xa2), 3L, filled(1024, 0xa3), 5L, filled(1024, 0xa5)),
                Checksum.FLAG | 9));

    LtxFileSpec spec = LtxFileSpec.decode(merged);
    assertThat(spec.fileChecksum()).isEqualTo(0xead633959f3c67a8L);
    assertThat(spec.pages().keySet()).containsExactly(1L, 2L, 3L, 5L);
  }

  @Test
  void mergeOfAShrinkingDatabase() throws IOException {
    byte[] merged =
        compact(
            0,
            LtxCompactor.Strictness.LENIENT,
            LtxFileSpec.of(
                header(3, 2, 3, 1000, Checksum.FLAG | 2),
                Map.of(3L, filled(1024, 0x83)),
                Checksum.FLAG | 3),
            LtxFileSpec.of(
                header(2, 4, 5, 2000, Checksum.FLAG | 4),
                Map.of(1L, filled(1024, 0x91)),
                Checksum.FLAG | 5));

    assertThat(LtxFileSpec.decode(merged).fileChecksum()).isEqualTo(0xf688132c3904f118L);
  }

  @Test
  void snapshotAcrossTheLockPage() throws IOException {
    int pageSize = 4096;
    long commit = PageChecksums.lockPage(pageSize) + 10;
    LtxHeader header = LtxHeader.builder().pageSize(pageSize).commit(commit).txid(1).build();
    ByteBuffer page = ByteBuffer.wrap(filled(pageSize, 'x'));
    LtxEncoder encoder = new LtxEncoder();
    encoder.begin(header, src -> src.position(src.limit()));
    for (long pgno = 1; pgno <= commit; pgno++) {
      if (pgno != 262145) {
        encoder.page(pgno, page);
      }
    }
    long fileChecksum = encoder.end(0xc19b668c376662c7L);

    LtxDecoder decoder =
        new LtxDecoder(new XPages(header, new LtxTrailer(0xc19b668c376662c7L, fileChecksum)));
    decoder.drain();
    assertThat(decoder.bytesRead())
        .isEqualTo(encoder.bytesWritten())
        .isEqualTo(100 + (commit - 1) * 4100 + 20);
  }

  /** Makes up a database of pages of 'x' while it is read, since it has more than a gigabyte. */
  private static final class XPages implements LtxSource {
    private final LtxHeader header;
    private final LtxTrailer trailer;
    private final ByteBuffer pending = ByteBuffer.allocate(4100).limit(0);
    private long pgno = -1;

    XPages(LtxHeader header, LtxTrailer trailer) {
      this.header = header;
      this.trailer = trailer;
    }

    @Override
    public int read(ByteBuffer dst) {
      if (!pending.hasRemaining()) {
        if (pgno > header.commit()) {
          return -1;
        }
        pending.clear();
        if (++pgno == 0) {
          header.encode(pending);
        } else if (pgno > header.commit()) {
          trailer.encode(pending.putInt(0));
        } else {
          pgno += pgno == 262145 ? 1 : 0;
          pending.putInt((int) pgno).put(filled(4096, 'x'));
        }
        pending.flip();
      }
      int n = Math.min(pending.remaining(), dst.remaining());
      dst.put(pending.array(), pending.position(), n);
      pending.position(pending.position() + n);
      return n;
    }
  }

  private static LtxHeader.Builder header(long commit, long min, long max, long time, long pre) {
    return LtxHeader.builder()
        .pageSize(1024)
        .commit(commit)
        .txids(min, max)
        .timestampMillis(time)
        .preApplyChecksum(pre);
  }

  private static byte[] compact(int flags, LtxCompactor.Strictness strictness, LtxFileSpec... specs)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<LtxSource> sources = Arrays.stream(specs).map(LtxFileSpec::source).toList();
    LtxCompactor.Result result =
        LtxCompactor.compact(sources, LtxFileSpec.sink(out), flags, strictness);
    LtxFileSpec written = LtxFileSpec.decode(out.toByteArray());
    assertThat(result.header()).isEqualTo(written.header());
    assertThat(result.trailer())
        .isEqualTo(new LtxTrailer(written.postApply(), written.fileChecksum()));
    return out.toByteArray();
  }

  static byte[] resource(String name) throws IOException {
    try (InputStream in = GoldenValuesTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }

  @Test
  void theDatabaseBehindThatFileHasItsPagesAndItsChecksum() throws IOException {
    LtxFileSpec spec = LtxFileSpec.decode(resource("litefs-three-pages.ltx"));
    byte[] database = resource("litefs-ten-pages.db");
    Map<Long, byte[]> pages = new TreeMap<>();
    for (int pgno = 1; pgno <= 10; pgno++) {
      pages.put((long) pgno, Arrays.copyOfRange(database, (pgno - 1) * 4096, pgno * 4096));
    }

    assertThat(LtxFileSpec.rolling(pages)).isEqualTo(spec.postApply());
    spec.pages().forEach((pgno, page) -> assertThat(pages.get(pgno)).isEqualTo(page));
    assertThat(spec.header().prePos()).hasToString("000000000000000c/9c74a15b4e4f246c");
    assertThat(spec.header().postPos(new LtxTrailer(spec.postApply(), spec.fileChecksum())))
        .hasToString("000000000000000d/fe3831a381c602b9");
  }
}
