package io.tidemark.database;

import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxEncoder;
import io.tidemark.ltx.LtxSource;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Buffers for the capture of one transaction. They belong to the thread and not to the database: a
 * node may have thousands of databases, but only a few threads, and a capture begins and ends on
 * one of them.
 */
final class Scratch {
  private static final int MAX_PAGE = 65536;
  private static final int RECORD = 256 << 10;
  private static final int ALIGNMENT = 4096;
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  /** The page that is being looked at. */
  final ByteBuffer page = ByteBuffer.allocateDirect(MAX_PAGE);

  /** What it is compared with. */
  final ByteBuffer compare = ByteBuffer.allocateDirect(MAX_PAGE);

  /** A WAL frame with its header. */
  final ByteBuffer frame = ByteBuffer.allocateDirect(WalCapture.FRAME_HEADER + MAX_PAGE);

  /** A block that is put together to be stored. */
  final ByteBuffer newBlock = ByteBuffer.allocateDirect(Overlay.BLOCK);

  /** A block on its way from one layer to the next. */
  final ByteBuffer block = ByteBuffer.allocateDirect(Overlay.BLOCK);

  /** The record that is being written. */
  final ByteBuffer record = ByteBuffer.allocateDirect(RECORD);

  /** What is read ahead of a log. */
  final ReadAhead.Room readAhead = new ReadAhead.Room();

  final LtxEncoder encoder = new LtxEncoder();

  private ByteBuffer pages;
  private LtxDecoder decoder;

  private Scratch() {}

  /**
   * The pages of a record that is being applied, or those of a snapshot. Aligned to {@value
   * #ALIGNMENT} bytes, so that it can be written past the page cache.
   */
  ByteBuffer pages() {
    if (pages == null) {
      pages = ByteBuffer.allocateDirect(RECORD + ALIGNMENT).alignedSlice(ALIGNMENT);
    }
    return pages.clear();
  }

  /** This thread's decoder, turned to the beginning of an LTX file. */
  LtxDecoder decoder(LtxSource source) throws IOException {
    if (decoder == null) {
      decoder = new LtxDecoder(source);
    } else {
      decoder.reset(source, false);
    }
    return decoder;
  }

  static Scratch get() {
    return OF_THREAD.get();
  }
}
