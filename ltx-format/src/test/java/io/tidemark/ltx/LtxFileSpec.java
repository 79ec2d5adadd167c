package io.tidemark.ltx;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A whole LTX file as a plain value. */
record LtxFileSpec(
    LtxHeader header, SortedMap<Long, byte[]> pages, long postApply, long fileChecksum) {

  static LtxFileSpec of(LtxHeader.Builder header, Map<Long, byte[]> pages, long postApply) {
    return new LtxFileSpec(header.build(), new TreeMap<>(pages), postApply, 0);
  }

  /** A snapshot or deletion, whose post-apply checksum follows from its pages. */
  static LtxFileSpec complete(LtxHeader.Builder header, Map<Long, byte[]> pages) {
    return of(header, pages, rolling(pages));
  }

  static long rolling(Map<Long, byte[]> pages) {
    long rolling = PageChecksums.EMPTY;
    for (Map.Entry<Long, byte[]> page : pages.entrySet()) {
      byte[] data = page.getValue();
      rolling =
          PageChecksums.xor(
              rolling, PageChecksums.ofPage(page.getKey().intValue(), data, 0, data.length));
    }
    return rolling;
  }

  LtxFileSpec lz4() {
    return new LtxFileSpec(header.toBuilder().lz4(true).build(), pages, postApply, fileChecksum);
  }

  byte[] encode() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      LtxEncoder encoder = new LtxEncoder();
      encoder.begin(header, sink(out));
      for (Map.Entry<Long, byte[]> page : pages.entrySet()) {
        encoder.page(page.getKey(), ByteBuffer.wrap(page.getValue()));
      }
      encoder.end(postApply);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }

  LtxSource source() {
    return LtxSource.of(ByteBuffer.wrap(encode()));
  }

  static LtxFileSpec decode(byte[] file) throws IOException {
    return decode(new LtxDecoder(LtxSource.of(ByteBuffer.wrap(file))));
  }

  static LtxFileSpec decode(LtxDecoder decoder) throws IOException {
    SortedMap<Long, byte[]> pages = new TreeMap<>();
    ByteBuffer page = ByteBuffer.allocate(decoder.header().pageSize());
    while (decoder.nextPage(page)) {
      pages.put(decoder.pageNumber(), Arrays.copyOf(page.array(), page.position()));
      page.clear();
    }
    LtxTrailer trailer = decoder.trailer();
    return new LtxFileSpec(
        decoder.header(), pages, trailer.postApplyChecksum(), trailer.fileChecksum());
  }

  static LtxSink sink(ByteArrayOutputStream out) {
    return src -> {
      byte[] bytes = new byte[src.remaining()];
      src.get(bytes);
      out.writeBytes(bytes);
    };
  }

  static byte[] filled(int size, int value) {
    byte[] page = new byte[size];
    Arrays.fill(page, (byte) value);
    return page;
  }

  static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** Equality by content: arrays inside a map compare by identity. */
  boolean sameAs(LtxFileSpec other) {
    return header.equals(other.header)
        && postApply == other.postApply
        && fileChecksum == other.fileChecksum
        && samePages(pages, other.pages);
  }

  static boolean samePages(Map<Long, byte[]> a, Map<Long, byte[]> b) {
    return a.keySet().equals(b.keySet())
        && a.entrySet().stream().allMatch(e -> Arrays.equals(e.getValue(), b.get(e.getKey())));
  }
}
