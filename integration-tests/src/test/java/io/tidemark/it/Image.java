package io.tidemark.it;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A database file in memory, to which LTX files are applied one after the other. */
final class Image {
  private int pageSize;
  private List<byte[]> pages = new ArrayList<>();
  private long txid;
  private long checksum;

  static Image read(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    Image image = new Image();
    if (bytes.length == 0) {
      return image;
    }
    int size = (bytes[16] & 0xff) << 8 | (bytes[17] & 0xff);
    image.pageSize = size == 1 ? 65536 : size;
    if (image.pageSize < 512 || bytes.length % image.pageSize != 0) {
      throw new IOException(file + ": " + bytes.length + " bytes, page size " + image.pageSize);
    }
    for (int at = 0; at < bytes.length; at += image.pageSize) {
      image.pages.add(java.util.Arrays.copyOfRange(bytes, at, at + image.pageSize));
    }
    return image;
  }

  /**
   * @throws IOException when the file does not continue this image, or its checksum is not that of
   *     the pages it leads to
   */
  void apply(LtxFile ltx) throws IOException {
    if (ltx.minTxid == 1) {
      pages = new ArrayList<>();
    } else if (ltx.minTxid != txid + 1 || ltx.preApply != checksum) {
      throw new IOException(
          "The record "
              + new Position(ltx.minTxid, ltx.preApply)
              + " (first TXID, checksum before) does not follow "
              + position());
    }
    if (ltx.pageSize != pageSize && ltx.commit != 0) {
      // Another page size renumbers everything, so nothing of the old image can be meant to stay.
      pages = new ArrayList<>();
      pageSize = ltx.pageSize;
    }
    while (pages.size() > ltx.commit) {
      pages.remove(pages.size() - 1);
    }
    int had = pages.size();
    while (pages.size() < ltx.commit) {
      pages.add(null);
    }
    ltx.pages.forEach((number, data) -> pages.set(Math.toIntExact(number) - 1, data));
    for (int i = had; i < pages.size(); i++) {
      if (pages.get(i) == null) {
        if (i + 1 != LtxFile.lockPage(pageSize)) {
          throw new IOException("Record " + ltx.maxTxid + " leaves out the new page " + (i + 1));
        }
        pages.set(i, new byte[pageSize]);
      }
    }
    txid = ltx.maxTxid;
    checksum = computeChecksum();
    if (checksum != ltx.postApply) {
      throw new IOException(
          String.format(
              "After TXID %d the pages have the checksum %016x, the record says %016x",
              txid, checksum, ltx.postApply));
    }
  }

  /** The rolling checksum from scratch over every page. */
  long computeChecksum() {
    long sum = 0;
    for (int i = 0; i < pages.size(); i++) {
      if (i + 1 != LtxFile.lockPage(pageSize)) {
        sum ^= new Crc64().addInt(i + 1).add(pages.get(i)).value();
      }
    }
    return sum | LtxFile.FLAG;
  }

  Position position() {
    return new Position(txid, checksum);
  }

  int pageCount() {
    return pages.size();
  }

  int pageSize() {
    return pageSize;
  }

  byte[] page(int number) {
    return pages.get(number - 1);
  }

  void write(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      for (byte[] page : pages) {
        out.write(page);
      }
    }
  }
}
