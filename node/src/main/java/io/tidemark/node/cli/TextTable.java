package io.tidemark.node.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Columns as wide as their widest cell. Columns whose title begins with ">" are right-aligned. */
final class TextTable {
  private final String[] titles;
  private final List<String[]> rows = new ArrayList<>();
  private final List<Paint> paints = new ArrayList<>();

  TextTable(String... titles) {
    this.titles = titles;
  }

  void row(Object... cells) {
    painted(Paint.NONE, cells);
  }

  /** A row in a colour. */
  void painted(Paint paint, Object... cells) {
    paints.add(paint);
    rows.add(
        Arrays.stream(cells)
            .map(cell -> cell == null ? "-" : printable(cell.toString()))
            .toArray(String[]::new));
  }

  /** Names come from users: control characters would act on the terminal. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }

  @Override
  public String toString() {
    int[] widths = new int[titles.length];
    for (int i = 0; i < titles.length; i++) {
      int column = i;
      widths[i] = rows.stream().mapToInt(row -> row[column].length()).max().orElse(0);
      widths[i] = Math.max(widths[i], title(i).length());
    }
    StringBuilder out = new StringBuilder();
    String[] head = new String[titles.length];
    for (int i = 0; i < head.length; i++) {
      head[i] = title(i);
    }
    append(out, head, widths, Paint.NONE);
    for (int i = 0; i < rows.size(); i++) {
      append(out, rows.get(i), widths, paints.get(i));
    }
    return out.toString();
  }

  private String title(int column) {
    return titles[column].startsWith(">") ? titles[column].substring(1) : titles[column];
  }

  private void append(StringBuilder out, String[] cells, int[] widths, Paint paint) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < cells.length; i++) {
      String pad = " ".repeat(widths[i] - cells[i].length());
      line.append(titles[i].startsWith(">") ? pad + cells[i] : cells[i] + pad).append("  ");
    }
    out.append(paint.on(line.toString().stripTrailing())).append('\n');
  }
}
