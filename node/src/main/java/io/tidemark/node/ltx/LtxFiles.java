package io.tidemark.node.ltx;

import java.util.Iterator;
import java.util.List;

/** Files whose headers are known already. */
final class LtxFiles implements LtxInput {
  private final String title;
  private final Iterator<LtxEntry> entries;

  LtxFiles(String title, List<LtxEntry> entries) {
    this.title = title;
    this.entries = entries.iterator();
  }

  @Override
  public String title() {
    return title;
  }

  @Override
  public LtxEntry next() {
    return entries.hasNext() ? entries.next() : null;
  }

  @Override
  public void close() {}
}
