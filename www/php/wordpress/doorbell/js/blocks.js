// SPDX-License-Identifier: MIT
// blocks.js - the two blocks in the editor: a word in the place of what PHP prints on the page.
(function (blocks, element, i18n) {
  'use strict';

  function register(name, icon, title, description) {
    blocks.registerBlockType('doorbell/' + name, {
      title: title, description: description, icon: icon, category: 'widgets', supports: { html: false },
      edit: function (props) { return element.createElement('p', { className: props.className }, title); },
      save: function () { return null; },
    });
  }

  register('bell', 'bell', i18n.__('Doorbell: bell', 'doorbell'), i18n.__('A bell with the number of unread messages.', 'doorbell'));
  register('list', 'email', i18n.__('Doorbell: messages', 'doorbell'), i18n.__('All messages of the user who is logged in.', 'doorbell'));
})(window.wp.blocks, window.wp.element, window.wp.i18n);
