package io.tidemark.node.ltx;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.PageChecksums;
import io.tidemark.ltx.Txid;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * Checks a history: every file decodes and has its checksum, transactions follow each other without
 * a gap, each begins with the rolling checksum that the one before left, and the checksum that it
 * leaves is that of its pages.
 */
public final class LtxVerifier {
  private final PageSumTable table = new PageSumTable();
  private LtxEntry previous;
  private long post;
  private long files;
  private long recomputed;
  private ByteBuffer page = ByteBuffer.allocate(65536);

  /** A history is damaged. The message names the place and what is wrong. */
  public static final class DamageException extends IOException {
    private static final long serialVersionUID = 1;

    DamageException(String place, String problem) {
      super(place + ": " + problem);
    }
  }

  /**
   * The result for a sound history.
   *
   * @param files LTX files read
   * @param recomputed files whose rolling checksum could be recomputed from the pages; the others
   *     change pages that were written before the history begins
   */
  public record Result(long files, long recomputed, Txid first, Txid last, Checksum post) {}

  /**
   * Reads the whole input.
   *
   * @throws DamageException for the first damage
   */
  public static Result verify(LtxInput input) throws IOException {
    LtxVerifier verifier = new LtxVerifier();
    Txid first = Txid.ZERO;
    for (LtxEntry entry = input.next(); entry != null; entry = input.next()) {
      if (verifier.files == 0) {
        first = new Txid(entry.header().minTxid());
      }
      verifier.check(entry);
    }
    Txid last =
        verifier.previous == null ? Txid.ZERO : new Txid(verifier.previous.header().maxTxid());
    return new Result(
        verifier.files, verifier.recomputed, first, last, new Checksum(verifier.post));
  }

  private void check(LtxEntry entry) throws IOException {
    LtxHeader header = entry.header();
    if (previous != null) {
      checkLink(entry, header);
    }
    long sum;
    try (InputStream in = entry.opener().open()) {
      LtxDecoder decoder = LtxDecoder.of(in);
      sum = decode(decoder);
      post = decoder.trailer().postApplyChecksum();
    } catch (LtxException | EOFException e) {
      throw new DamageException(entry.place(), e.getMessage());
    }
    if (sum != 0 && sum != post) {
      throw new DamageException(
          entry.place(),
          "the pages give the rolling checksum "
              + new Checksum(sum)
              + ", the trailer says "
              + new Checksum(post));
    }
    files++;
    recomputed += sum == 0 ? 0 : 1;
    previous = entry;
  }

  private void checkLink(LtxEntry entry, LtxHeader header) throws DamageException {
    LtxHeader before = previous.header();
    Txid expected = new Txid(before.maxTxid()).next();
    if (header.minTxid() != expected.value()) {
      throw new DamageException(
          entry.place(),
          "transaction "
              + expected
              + " should follow, but "
              + new Txid(header.minTxid())
              + " does");
    }
    if (header.preApplyChecksum() != post) {
      throw new DamageException(
          entry.place(),
          "begins with the rolling checksum "
              + new Checksum(header.preApplyChecksum())
              + ", the transaction before left "
              + new Checksum(post));
    }
    if (entry.epoch() < previous.epoch()) {
      throw new DamageException(
          entry.place(), "the epoch goes back from " + previous.epoch() + " to " + entry.epoch());
    }
  }

  /** Reads every page; the recomputed rolling checksum, or 0 when it cannot be known. */
  private long decode(LtxDecoder decoder) throws IOException {
    LtxHeader header = decoder.header();
    table.begin(header.pageSize(), header.isSnapshot());
    while (decoder.nextPage(page.clear())) {
      table.page(decoder.pageNumber(), decoder.pageChecksum());
    }
    long pre = header.preApplyChecksum() == 0 ? PageChecksums.EMPTY : header.preApplyChecksum();
    return table.end(header.commit(), pre);
  }
}
