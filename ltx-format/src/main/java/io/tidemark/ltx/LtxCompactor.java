package io.tidemark.ltx;

import io.tidemark.ltx.LtxException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.PriorityQueue;

/**
 * Merges LTX files that follow each other into one that has the same effect as applying them in
 * order.
 *
 * <p>The rule is "the newest copy of each page wins", with one addition: a page that lay beyond the
 * end of the database after some file ceased to exist there, so copies from that file or before
 * must not come back when a later file makes the database larger again. A file of other page size,
 * and a deletion, likewise end everything before them. Where a page can only be known from the
 * inputs (in a snapshot, or after one of these events) and no input has it, the merge fails: there
 * is no right answer.
 *
 * <p>What has been written to the sink before an exception is not a valid file.
 *
 * <p>Memory per input: the read-ahead buffer (8 to 64 KiB), one page, and for compressed input two
 * LZ4 blocks. Merge thousands of files in groups; any grouping gives the same result.
 */
public final class LtxCompactor {

  /** How much the inputs are expected to keep to our own writer's promises. */
  public enum Strictness {
    /**
     * Each file's pre-apply checksum is the post-apply checksum of the file before, and a database
     * that grows has all of its new pages in the file. Files of our own writer are like that.
     */
    STRICT,
    /**
     * For files of other writers: checksums need not connect, and pages by which a database grew
     * may be absent if never written. Absent pages still fail the merge wherever the inputs
     * themselves show that older content would be wrong. A cut of pages that only the base had does
     * not show; there the post-apply checksum tells when the file is applied.
     */
    LENIENT
  }

  /**
   * A finished merge.
   *
   * @param header header of the merged file
   * @param trailer trailer of the merged file
   */
  public record Result(LtxHeader header, LtxTrailer trailer) {

    /** The position of a database after the merged file. */
    public Pos postPos() {
      return header.postPos(trailer);
    }
  }

  private final List<Input> inputs = new ArrayList<>();
  private final Strictness strictness;

  private LtxCompactor(Strictness strictness) {
    this.strictness = strictness;
  }

  /**
   * Merges with {@link Strictness#STRICT}.
   *
   * @param sources the files, oldest first; each is read to its end and verified, none is closed
   * @param flags flags of the merged file, 0 or {@link LtxHeader#FLAG_LZ4}
   * @throws IllegalArgumentException if there is no source
   * @throws LtxException if an input is not valid, the inputs do not follow each other, or a page
   *     is needed that no input has
   */
  public static Result compact(List<? extends LtxSource> sources, LtxSink sink, int flags)
      throws IOException {
    return compact(sources, sink, flags, Strictness.STRICT);
  }

  /** As {@link #compact(List, LtxSink, int)} with a choice of strictness. */
  public static Result compact(
      List<? extends LtxSource> sources, LtxSink sink, int flags, Strictness strictness)
      throws IOException {
    Objects.requireNonNull(strictness, "strictness");
    if (sources.isEmpty()) {
      throw new IllegalArgumentException("expected at least one file to merge, got none");
    }
    LtxCompactor compactor = new LtxCompactor(strictness);
    for (LtxSource source : sources) {
      compactor.open(source);
    }
    return compactor.merge(sink, flags);
  }

  private void open(LtxSource source) throws IOException {
    Input input = new Input(inputs.size(), new LtxDecoder(source));
    if (!inputs.isEmpty()) {
      Input before = inputs.get(inputs.size() - 1);
      long expected = before.header.maxTxid() + 1;
      if (input.header.minTxid() != expected || expected == 0) {
        throw new LtxException(
            Kind.NOT_CONSECUTIVE,
            "merge: expected a file from transaction "
                + Hex16.format(expected)
                + " after "
                + before.header.fileName()
                + ", got "
                + input.header.fileName());
      }
    }
    inputs.add(input);
  }

  private Result merge(LtxSink sink, int flags) throws IOException {
    LtxHeader first = inputs.get(0).header;
    LtxHeader last = inputs.get(inputs.size() - 1).header;
    LtxHeader header =
        LtxHeader.builder()
            .flags(flags)
            .pageSize(last.pageSize())
            .commit(last.commit())
            .txids(first.minTxid(), last.maxTxid())
            .timestampMillis(last.timestampMillis())
            .preApplyChecksum(first.preApplyChecksum())
            .build();
    int start = firstThatCounts();
    long knownFrom = firstPageOnlyInputsKnow(first, start);
    limitToSurvivors();

    for (Input input : inputs.subList(0, start)) {
      input.decoder.drain();
    }
    PriorityQueue<Input> queue = new PriorityQueue<>();
    for (Input input : inputs.subList(start, inputs.size())) {
      if (input.advance()) {
        queue.add(input);
      }
    }

    LtxEncoder encoder = new LtxEncoder();
    encoder.begin(header, sink);
    Gaps gaps = new Gaps(header, knownFrom);
    long rolling = PageChecksums.EMPTY;
    while (!queue.isEmpty()) {
      Input newest = queue.poll();
      long pgno = newest.pgno;
      if (pgno <= newest.survives) {
        gaps.expect(pgno);
        encoder.pageWithCrc(pgno, newest.page, newest.decoder.pageCrc());
        rolling = PageChecksums.xor(rolling, newest.decoder.pageCrc());
      } else if (pgno <= header.commit()) {
        gaps.cutOff(pgno);
      }
      // Older copies of the same page come next, in order of age.
      advance(newest, queue);
      while (!queue.isEmpty() && queue.peek().pgno == pgno) {
        advance(queue.poll(), queue);
      }
    }
    gaps.end();
    checkChain();

    long post = inputs.get(inputs.size() - 1).decoder.trailer().postApplyChecksum();
    if (knownFrom == 1 && post != rolling) {
      throw new LtxException(
          Kind.CHECKSUM_MISMATCH,
          "merge: expected pages with the checksum of the last input, "
              + Hex16.format(post)
              + ", got "
              + Hex16.format(rolling));
    }
    long fileChecksum = encoder.end(post);
    return new Result(header, new LtxTrailer(post, fileChecksum));
  }

  private static void advance(Input input, PriorityQueue<Input> queue) throws IOException {
    if (input.advance()) {
      queue.add(input);
    }
  }

  /**
   * The first input whose pages can be part of the result: from the last change of page size on.
   */
  private int firstThatCounts() {
    int start = inputs.size() - 1;
    int pageSize = inputs.get(start).header.pageSize();
    while (start > 0 && inputs.get(start - 1).header.pageSize() == pageSize) {
      start--;
    }
    return start;
  }

  /**
   * From this page number on, the base the merged file will be applied to says nothing about the
   * content, because an input has cut the database there. 1 if the inputs say everything.
   */
  private long firstPageOnlyInputsKnow(LtxHeader first, int start) {
    if (first.isSnapshot() || start > 0) {
      return 1;
    }
    long shortest = LtxHeader.MAX_COMMIT;
    for (Input input : inputs.subList(0, inputs.size() - 1)) {
      shortest = Math.min(shortest, input.header.commit());
    }
    return shortest + 1;
  }

  /**
   * Gives each input the size of the smallest database from it on: what lies beyond was cut off.
   */
  private void limitToSurvivors() {
    long survives = LtxHeader.MAX_COMMIT;
    for (int i = inputs.size() - 1; i >= 0; i--) {
      Input input = inputs.get(i);
      survives = Math.min(survives, input.header.commit());
      input.survives = survives;
    }
  }

  private void checkChain() throws LtxException {
    if (strictness == Strictness.LENIENT) {
      return;
    }
    for (int i = 1; i < inputs.size(); i++) {
      long before = inputs.get(i - 1).decoder.trailer().postApplyChecksum();
      long after = inputs.get(i).header.preApplyChecksum();
      if (before != after) {
        throw new LtxException(
            Kind.NOT_CONSECUTIVE,
            "merge: expected pre-apply checksum "
                + Hex16.format(before)
                + " in "
                + inputs.get(i).header.fileName()
                + ", got "
                + Hex16.format(after));
      }
    }
  }

  /** Finds pages that the result needs and no input has. */
  private final class Gaps {
    private final LtxHeader header;
    private final long lockPage;

    /** Absent pages matter from here on. */
    private final long from;

    private long lastPresent;

    Gaps(LtxHeader header, long knownFrom) {
      this.header = header;
      lockPage = PageChecksums.lockPage(header.pageSize());
      // A lenient merge still insists where all content comes from the inputs.
      boolean tolerant = strictness == Strictness.LENIENT && knownFrom > 1;
      from = tolerant ? header.commit() + 1 : knownFrom;
    }

    /** A page of the result: none may be missing between it and the one before. */
    void expect(long pgno) throws LtxException {
      long missing = Math.max(lastPresent + 1, from);
      if (missing == lockPage) {
        missing++;
      }
      if (missing < pgno) {
        throw missing(missing);
      }
      lastPresent = pgno;
    }

    void end() throws LtxException {
      expect(header.commit() + 1);
    }

    /** Only copies from before a cut exist for this page, and the result has it nevertheless. */
    void cutOff(long pgno) throws LtxException {
      throw missing(pgno);
    }

    private LtxException missing(long pgno) {
      return new LtxException(
          Kind.MISSING_PAGE,
          "merge: expected page "
              + pgno
              + " of "
              + header.commit()
              + " in an input after the database was cut or began, got none");
    }
  }

  /** One file and the page it is at. Ordered by page number, newest file first. */
  private static final class Input implements Comparable<Input> {
    private final int index;
    private final LtxDecoder decoder;
    private final LtxHeader header;
    private ByteBuffer page;
    private long pgno;
    private long survives;

    Input(int index, LtxDecoder decoder) {
      this.index = index;
      this.decoder = decoder;
      this.header = decoder.header();
    }

    boolean advance() throws IOException {
      if (page == null) {
        page = ByteBuffer.allocate(header.pageSize());
      }
      page.clear();
      if (!decoder.nextPage(page)) {
        return false;
      }
      page.flip();
      pgno = decoder.pageNumber();
      return true;
    }

    @Override
    public int compareTo(Input other) {
      int byPage = Long.compare(pgno, other.pgno);
      return byPage != 0 ? byPage : Integer.compare(other.index, index);
    }
  }
}
