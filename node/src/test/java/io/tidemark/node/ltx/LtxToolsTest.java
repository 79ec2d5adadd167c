package io.tidemark.node.ltx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.ltx.LtxEncoder;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import io.tidemark.node.ltx.LtxVerifier.DamageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LtxToolsTest {
  private static final int PAGE = 512;

  @TempDir Path dir;
  private final TreeMap<Long, Long> sums = new TreeMap<>();
  private long txid;
  private long post;

  /** A history of five transactions: it grows, changes, shrinks, grows again. */
  @BeforeEach
  void write() throws IOException {
    commit(3, Map.of(1L, 1, 2L, 2, 3L, 3));
    commit(3, Map.of(2L, 22));
    commit(5, Map.of(1L, 11, 4L, 4, 5L, 5));
    commit(2, Map.of(1L, 12));
    commit(3, Map.of(2L, 23, 3L, 33));
  }

  private void commit(long pages, Map<Long, Integer> changed) throws IOException {
    long pre = post;
    ByteBuffer page = ByteBuffer.allocate(PAGE);
    sums.tailMap(pages, false).clear();
    new TreeMap<>(changed)
        .forEach(
            (number, fill) -> {
              fill(page, fill);
              sums.put(number, PageChecksums.ofPage(number.intValue(), page, 0, PAGE));
            });
    post = PageChecksums.EMPTY;
    sums.values().forEach(sum -> post = PageChecksums.xor(post, sum));
    write(++txid, pre, pages, changed, post);
  }

  private static void fill(ByteBuffer page, int fill) {
    java.util.Arrays.fill(page.clear().array(), (byte) fill);
  }

  private void write(long id, long pre, long pages, Map<Long, Integer> changed, long after)
      throws IOException {
    LtxHeader header =
        LtxHeader.builder()
            .pageSize(PAGE)
            .commit(pages)
            .txid(id)
            .timestampMillis(1000)
            .preApplyChecksum(pre)
            .lz4(id % 2 == 0)
            .build();
    ByteBuffer page = ByteBuffer.allocate(PAGE);
    try (FileChannel out =
        FileChannel.open(
            dir.resolve(header.fileName().toString()),
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      LtxEncoder encoder = new LtxEncoder();
      encoder.begin(header, out::write);
      for (Map.Entry<Long, Integer> change : new TreeMap<>(changed).entrySet()) {
        fill(page, change.getValue());
        encoder.page(change.getKey(), page);
      }
      encoder.end(after);
    }
  }

  private Path file(long id) {
    return dir.resolve(String.format("%016x-%016x.ltx", id, id));
  }

  private LtxVerifier.Result verify() throws IOException {
    try (LtxInput input = LtxInput.ofPath(dir, null).get(0).open()) {
      return LtxVerifier.verify(input);
    }
  }

  @Test
  void aSoundHistoryIsRecomputedAsAWhole() throws IOException {
    LtxVerifier.Result result = verify();
    assertThat(result.files()).isEqualTo(5);
    assertThat(result.recomputed()).isEqualTo(5);
    assertThat(result.last().value()).isEqualTo(5);
    assertThat(result.post().value()).isEqualTo(post);
  }

  @Test
  void aHistoryThatBeginsLaterIsRecomputedWhereItCanBe() throws IOException {
    Files.delete(file(1));
    LtxVerifier.Result result = verify();
    assertThat(result.files()).isEqualTo(4);
    // Transaction 3 changes page 1 and 4 cuts page 3, which were written before.
    assertThat(result.recomputed()).isEqualTo(1);
  }

  @Test
  void aGapIsDamage() throws IOException {
    Files.delete(file(3));
    assertThatThrownBy(this::verify)
        .isInstanceOf(DamageException.class)
        .hasMessageContaining(file(4).toString())
        .hasMessageContaining("0000000000000003 should follow");
  }

  @Test
  void aFlippedBitIsDamage() throws IOException {
    byte[] bytes = Files.readAllBytes(file(3));
    bytes[300] ^= 1;
    Files.write(file(3), bytes);
    assertThatThrownBy(this::verify)
        .isInstanceOf(DamageException.class)
        .hasMessageContaining(file(3).toString());
  }

  @Test
  void aCutFileIsDamage() throws IOException {
    Files.write(file(3), java.util.Arrays.copyOf(Files.readAllBytes(file(3)), 400));
    assertThatThrownBy(this::verify).isInstanceOf(DamageException.class);
  }

  @Test
  void aBrokenLinkIsDamage() throws IOException {
    write(5, PageChecksums.EMPTY | 7, 3, Map.of(2L, 1), PageChecksums.EMPTY | 9);
    assertThatThrownBy(this::verify)
        .isInstanceOf(DamageException.class)
        .hasMessageContaining("the transaction before left");
  }

  @Test
  void aTrailerThatThePagesDoNotGiveIsDamage() throws IOException {
    long right = post;
    sums.clear();
    txid = 5;
    write(6, right, 3, Map.of(1L, 99), PageChecksums.EMPTY | 1234);
    assertThatThrownBy(this::verify)
        .isInstanceOf(DamageException.class)
        .hasMessageContaining(file(6).toString())
        .hasMessageContaining("the pages give");
  }

  @Test
  void exportCopiesByteForByte() throws IOException {
    Path out = dir.resolve("out");
    try (LtxInput input = LtxInput.ofPath(dir, null).get(0).open()) {
      assertThat(new LtxExport(out).export(input, TxidRange.parse("2", "0000000000000004"), false))
          .hasSize(3);
    }
    for (long id = 2; id <= 4; id++) {
      assertThat(out.resolve(file(id).getFileName())).hasSameBinaryContentAs(file(id));
    }
    try (var files = Files.list(out)) {
      assertThat(files).hasSize(3);
    }
  }

  @Test
  void exportMergesIntoOneFileThatVerifies() throws IOException {
    Path out = dir.resolve("out");
    try (LtxInput input = LtxInput.ofPath(dir, null).get(0).open()) {
      List<Path> written = new LtxExport(out).export(input, TxidRange.ALL, true);
      assertThat(written).containsExactly(out.resolve("0000000000000001-0000000000000005.ltx"));
    }
    try (LtxInput input = LtxInput.ofPath(out, null).get(0).open()) {
      LtxVerifier.Result result = LtxVerifier.verify(input);
      assertThat(result.recomputed()).isEqualTo(1);
      assertThat(result.post().value()).isEqualTo(post);
    }
  }

  @Test
  void pagesAreCountedInBothForms() throws IOException {
    try (LtxInput input = LtxInput.ofPath(dir, null).get(0).open()) {
      long[] expected = {3, 1, 3, 1, 2};
      for (long pages : expected) {
        LtxEntry entry = input.next();
        assertThat(LtxPages.count(entry).pages()).isEqualTo(pages);
        assertThat(LtxPages.count(entry).trailer()).isEqualTo(entry.trailer());
      }
    }
  }

  @Test
  void transactionIdsAreHexOrDecimal() {
    assertThat(TxidRange.parseTxid("000000000000001f")).isEqualTo(31);
    assertThat(TxidRange.parseTxid("31")).isEqualTo(31);
    assertThatThrownBy(() -> TxidRange.parse("5", "4"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> TxidRange.parse("x", null))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
