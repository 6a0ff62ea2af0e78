#!/usr/bin/env node
// Stands outside dist so that npm can link the command in a workspace that has not been built yet.
import '../dist/cli/main.js';
