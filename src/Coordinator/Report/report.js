(function () {
  'use strict';
  var tip = document.getElementById('tip');

  // The page's own pointer replaces the browser's slow one.
  document.querySelectorAll('svg title').forEach(function (title) { title.remove(); });

  function show(mark, x, y) {
    tip.textContent = mark.getAttribute('data-tip');
    tip.style.display = 'block';
    var left = Math.min(x + 14, window.innerWidth - tip.offsetWidth - 8);
    var top = y + 14 + tip.offsetHeight > window.innerHeight ? y - tip.offsetHeight - 10 : y + 14;
    tip.style.left = Math.max(8, left) + 'px';
    tip.style.top = Math.max(8, top) + 'px';
  }
  function hide() { tip.style.display = 'none'; }

  document.addEventListener('pointermove', function (event) {
    var mark = event.target.closest ? event.target.closest('[data-tip]') : null;
    if (mark) show(mark, event.clientX, event.clientY); else hide();
  });
  document.addEventListener('focusin', function (event) {
    var mark = event.target.closest('[data-tip]');
    if (!mark) return;
    var box = mark.getBoundingClientRect();
    show(mark, box.right, box.bottom);
  });
  document.addEventListener('focusout', hide);

  // The legend hides a model everywhere: marks, lines and rows.
  document.querySelectorAll('.legend button').forEach(function (button) {
    button.addEventListener('click', function () {
      var isShown = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(isShown));
      document.querySelectorAll('main [data-model="' + button.getAttribute('data-model') + '"]').forEach(function (element) {
        if (!element.closest('.legend')) element.classList.toggle('dimmed', !isShown);
      });
    });
  });

  function valueOf(row, column) {
    var cell = row.cells[column];
    var value = cell.getAttribute('data-value');
    if (value === null) return cell.textContent.toLowerCase();
    return value === '' ? null : Number(value);
  }
  document.querySelectorAll('table.sortable').forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      function sort() {
        var direction = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
        heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', direction === 1 ? 'ascending' : 'descending');
        var rows = Array.from(table.tBodies[0].rows);
        rows.sort(function (a, b) {
          var x = valueOf(a, column), y = valueOf(b, column);
          if (x === null || y === null) return (x === null ? 1 : 0) - (y === null ? 1 : 0);
          return direction * (x > y ? 1 : x === y ? 0 : -1);
        });
        rows.forEach(function (row) { table.tBodies[0].appendChild(row); });
      }
      head.addEventListener('click', sort);
      head.addEventListener('keydown', function (event) {
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); sort(); }
      });
    });
  });
})();
