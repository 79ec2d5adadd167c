package io.tidemark.ltx;

import static io.tidemark.ltx.LtxFileSpec.filled;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidemark.ltx.LtxCompactor.Strictness;
import io.tidemark.ltx.LtxException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class LtxCompactorTest {

  /** A database as plain values, and the files a correct writer makes when it changes. */
  private static final class Model {
    private int pageSize = 512;
    private long commit;
    private SortedMap<Long, byte[]> pages = new TreeMap<>();
    private long txid;

    long checksum() {
      return LtxFileSpec.rolling(pages);
    }

    /** One transaction: a new size, the pages it grew by, and others. */
    LtxFileSpec change(long newCommit, Map<Long, byte[]> written) {
      long pre = txid == 0 ? 0 : checksum();
      pages.keySet().removeIf(pgno -> pgno > newCommit);
      pages.putAll(written);
      commit = newCommit;
      txid++;
      return LtxFileSpec.of(
          LtxHeader.builder()
              .pageSize(pageSize)
              .commit(commit)
              .txid(txid)
              .timestampMillis(1000 * txid)
              .preApplyChecksum(pre)
              .nodeId(77),
          written,
          checksum());
    }

    LtxFileSpec write(long newCommit, int value, long... pgnos) {
      Map<Long, byte[]> written = new TreeMap<>();
      LongStream.of(pgnos).forEach(pgno -> written.put(pgno, filled(pageSize, value)));
      return change(newCommit, written);
    }

    LtxFileSpec randomChange(Random random) {
      if (random.nextInt(12) == 0) {
        return change(0, Map.of());
      }
      long newCommit = 1 + random.nextInt(12);
      if (random.nextInt(10) == 0) {
        pageSize = 512 << random.nextInt(3);
        return change(newCommit, randomPages(random, 0, newCommit));
      }
      return change(newCommit, randomPages(random, Math.min(commit, newCommit), newCommit));
    }

    private Map<Long, byte[]> randomPages(Random random, long keep, long newCommit) {
      Map<Long, byte[]> written = new TreeMap<>();
      for (long pgno = 1; pgno <= newCommit; pgno++) {
        if (pgno > keep || random.nextInt(3) == 0) {
          byte[] page = new byte[pageSize];
          random.nextBytes(page);
          written.put(pgno, page);
        }
      }
      return written;
    }

    /** Applies a file the way a replica does. */
    void apply(LtxFileSpec file) {
      if (file.header().isSnapshot() || file.header().pageSize() != pageSize) {
        pages.clear();
      }
      pageSize = file.header().pageSize();
      commit = file.header().commit();
      pages.keySet().removeIf(pgno -> pgno > commit);
      pages.putAll(file.pages());
      txid = file.header().maxTxid();
    }

    Model copy() {
      Model copy = new Model();
      copy.pageSize = pageSize;
      copy.commit = commit;
      copy.pages = new TreeMap<>(pages);
      copy.txid = txid;
      return copy;
    }
  }

  private static LtxFileSpec merge(int flags, Strictness strictness, List<LtxFileSpec> files)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    LtxCompactor.compact(
        files.stream().map(LtxFileSpec::source).toList(), LtxFileSpec.sink(out), flags, strictness);
    return LtxFileSpec.decode(out.toByteArray());
  }

  private static LtxFileSpec merge(LtxFileSpec... files) throws IOException {
    return merge(0, Strictness.STRICT, Arrays.asList(files));
  }

  private static Kind failure(LtxFileSpec... files) {
    return catchThrowableOfType(LtxException.class, () -> merge(files)).kind();
  }

  static LongStream seeds() {
    return LongStream.rangeClosed(1, 150);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void anyGroupingHasTheEffectOfApplyingTheFilesInOrder(long seed) throws IOException {
    Random random = new Random(seed);
    String seedText = "seed " + seed;
    Model writer = new Model();
    Model replica = new Model();
    List<LtxFileSpec> files = new ArrayList<>();
    List<Model> states = new ArrayList<>();
    states.add(writer.copy());
    int count = 2 + random.nextInt(10);
    for (int i = 0; i < count; i++) {
      LtxFileSpec file = writer.randomChange(random);
      files.add(random.nextBoolean() ? file : file.lz4());
      states.add(writer.copy());
    }
    // Neighbours are merged until one file is left; each intermediate file must do its part.
    while (files.size() > 1) {
      int from = random.nextInt(files.size() - 1);
      int to = from + 2 + random.nextInt(files.size() - from - 1);
      List<LtxFileSpec> group = files.subList(from, to);
      LtxFileSpec merged = merge(random.nextInt(2), Strictness.STRICT, List.copyOf(group));
      replica = states.get((int) merged.header().minTxid() - 1).copy();
      Model expected = states.get((int) merged.header().maxTxid());
      replica.apply(merged);
      assertThat(LtxFileSpec.samePages(replica.pages, expected.pages)).as(seedText).isTrue();
      assertThat(replica.commit).as(seedText).isEqualTo(expected.commit);
      assertThat(merged.postApply()).as(seedText).isEqualTo(expected.checksum());
      group.clear();
      files.add(from, merged);
    }
    assertThat(files.get(0).header().isSnapshot()).as(seedText).isTrue();
  }

  @Test
  void theHeaderTakesItsPartsFromFirstAndLastFile() throws IOException {
    Model db = new Model();
    db.write(3, 1, 1, 2, 3);
    LtxFileSpec first = db.write(3, 2, 1);
    LtxFileSpec last = db.write(4, 3, 2, 4);

    LtxFileSpec merged = merge(LtxHeader.FLAG_LZ4, Strictness.STRICT, List.of(first, last));

    assertThat(merged.header())
        .isEqualTo(
            LtxHeader.builder()
                .lz4(true)
                .pageSize(512)
                .commit(4)
                .txids(2, 3)
                .timestampMillis(3000)
                .preApplyChecksum(first.header().preApplyChecksum())
                .build());
    assertThat(merged.postApply()).isEqualTo(last.postApply());
    assertThat(merged.pages().keySet()).containsExactly(1L, 2L, 4L);
  }

  @Test
  void aPageCutOffDoesNotComeBackWhenTheDatabaseGrowsAgain() throws IOException {
    Model db = new Model();
    LtxFileSpec base = db.write(3, 1, 1, 2, 3);
    LtxFileSpec shrink = db.write(1, 2, 1);
    LtxFileSpec grow = db.write(3, 3, 2, 3);

    LtxFileSpec merged = merge(base, shrink, grow);

    assertThat(LtxFileSpec.samePages(merged.pages(), db.pages)).isTrue();
  }

  @Test
  void aPageThatGrewBackWithoutBeingWrittenFailsTheMerge() {
    Model db = new Model();
    db.write(5, 1, 1, 2, 3, 4, 5);
    LtxFileSpec old = db.write(5, 2, 2);
    LtxFileSpec shrink = db.write(1, 3, 1);
    LtxFileSpec grow = db.write(3, 4, 3);

    assertThat(failure(old, shrink, grow)).isEqualTo(Kind.MISSING_PAGE);
    assertThat(failure(shrink, grow)).isEqualTo(Kind.MISSING_PAGE);
    assertThat(
            catchThrowableOfType(
                    LtxException.class,
                    () -> merge(0, Strictness.LENIENT, List.of(old, shrink, grow)))
                .kind())
        .isEqualTo(Kind.MISSING_PAGE);
  }

  @Test
  void aSnapshotThatWouldLackAPageFailsEvenWhenLenient() {
    Model db = new Model();
    LtxFileSpec base = db.write(1, 1, 1);
    LtxFileSpec grow = db.write(3, 2, 3);

    assertThat(failure(base, grow)).isEqualTo(Kind.MISSING_PAGE);
    assertThat(
            catchThrowableOfType(
                    LtxException.class, () -> merge(0, Strictness.LENIENT, List.of(base, grow)))
                .kind())
        .isEqualTo(Kind.MISSING_PAGE);
  }

  @Test
  void deletionAtTheEndLeavesNoPages() throws IOException {
    LtxFileSpec merged = merge(Samples.SNAPSHOT_A, Samples.INCREMENT_B, Samples.DELETION_C);

    assertThat(merged.pages()).isEmpty();
    assertThat(merged.header().commit()).isZero();
    assertThat(merged.postApply()).isEqualTo(PageChecksums.EMPTY);
  }

  @Test
  void deletionInTheMiddleEndsWhatWasBefore() throws IOException {
    Model db = new Model();
    db.write(2, 1, 1, 2);
    LtxFileSpec change = db.write(2, 2, 2);
    LtxFileSpec delete = db.change(0, Map.of());
    LtxFileSpec again = db.write(2, 3, 1, 2);

    assertThat(LtxFileSpec.samePages(merge(change, delete, again).pages(), db.pages)).isTrue();
    assertThat(
            failure(
                change,
                delete,
                new LtxFileSpec(
                    again.header(),
                    new TreeMap<>(Map.of(1L, filled(512, 3))),
                    again.postApply(),
                    0)))
        .isEqualTo(Kind.MISSING_PAGE);
  }

  @Test
  void anotherPageSizeEndsWhatWasBefore() throws IOException {
    Model db = new Model();
    db.write(4, 1, 1, 2, 3, 4);
    LtxFileSpec small = db.write(4, 2, 3);
    db.pageSize = 1024;
    db.pages.clear();
    LtxFileSpec vacuumed =
        new LtxFileSpec(
            LtxHeader.builder()
                .pageSize(1024)
                .commit(2)
                .txid(3)
                .preApplyChecksum(small.postApply())
                .build(),
            new TreeMap<>(Map.of(1L, filled(1024, 5), 2L, filled(1024, 6))),
            LtxFileSpec.rolling(Map.of(1L, filled(1024, 5), 2L, filled(1024, 6))),
            0);

    LtxFileSpec merged = merge(small, vacuumed);
    assertThat(merged.header().pageSize()).isEqualTo(1024);
    assertThat(merged.header().preApplyChecksum()).isEqualTo(small.header().preApplyChecksum());
    assertThat(LtxFileSpec.samePages(merged.pages(), vacuumed.pages())).isTrue();

    LtxFileSpec partial =
        new LtxFileSpec(
            vacuumed.header(), new TreeMap<>(Map.of(1L, filled(1024, 5))), vacuumed.postApply(), 0);
    assertThat(failure(small, partial)).isEqualTo(Kind.MISSING_PAGE);
  }

  @Test
  void filesThatDoNotFollowEachOtherAreRefused() {
    assertThat(failure(Samples.SNAPSHOT_A, Samples.DELETION_C)).isEqualTo(Kind.NOT_CONSECUTIVE);
    assertThat(failure(Samples.INCREMENT_B, Samples.SNAPSHOT_A)).isEqualTo(Kind.NOT_CONSECUTIVE);
    assertThat(failure(Samples.INCREMENT_B, Samples.INCREMENT_B)).isEqualTo(Kind.NOT_CONSECUTIVE);
  }

  @Test
  void filesOfDifferentHistoriesAreRefused() {
    LtxFileSpec other =
        new LtxFileSpec(
            Samples.INCREMENT_B.header().toBuilder().preApplyChecksum(Checksum.FLAG | 1).build(),
            Samples.INCREMENT_B.pages(),
            Samples.POST_B,
            0);

    assertThat(failure(Samples.SNAPSHOT_A, other)).isEqualTo(Kind.NOT_CONSECUTIVE);
  }

  @Test
  void aSnapshotWhosePagesDoNotMakeTheChecksumIsRefused() {
    LtxFileSpec wrong =
        new LtxFileSpec(
            Samples.INCREMENT_B.header(), Samples.INCREMENT_B.pages(), Checksum.FLAG | 1, 0);

    assertThat(failure(Samples.SNAPSHOT_A, wrong)).isEqualTo(Kind.CHECKSUM_MISMATCH);
  }

  @Test
  void damageInAnyInputFailsTheMerge() {
    byte[] damaged = Samples.SNAPSHOT_A.encode();
    damaged[700] ^= 1;

    assertThatThrownBy(
            () ->
                LtxCompactor.compact(
                    List.of(LtxSource.of(ByteBuffer.wrap(damaged)), Samples.INCREMENT_B.source()),
                    src -> src.position(src.limit()),
                    0))
        .isInstanceOf(LtxException.class);
  }

  @Test
  void atLeastOneFileIsNeeded() {
    assertThatThrownBy(() -> LtxCompactor.compact(List.of(), src -> {}, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
